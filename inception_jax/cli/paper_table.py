"""A table in the format of the papers: measured errors beside published ones."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inception_jax.eval.metrics import Sums

HEAD = (
    "network", "crops", "models", "top-1 error (95%)", "top-5 error (95%)", "published", "images",
)  # fmt: skip
TOP5 = 4  # the column


def row(
    networks: list[tuple[str, str]], crops: int, sums: "Sums", what: str = ""
) -> dict[str, Any]:
    """One evaluation: errors with Wilson intervals, and published errors.

    `networks` are name and dialect of each model, `what` is a title instead of the network's name.
    """
    from inception_jax.eval import published

    rows = published.rows(networks, crops)
    rows.sort(key=lambda p: p.images != sums.count)  # those on as many images first
    return {
        "what": what,
        "network": published.title([name for name, _ in networks]),
        "dialects": [dialect for _, dialect in networks],
        "crops": crops,
        "models": len(networks),
        **_errors(sums.count, sums.top1, sums.top5),
        "published": [vars(p) for p in rows],
    }


def with_real(row: dict[str, Any], count: int, top1: int, top5: int) -> dict[str, Any]:
    """The row with ReaL labels, for which the networks' papers have no figures."""
    return {**row, "what": "  with ReaL labels", **_errors(count, top1, top5), "published": []}


def _errors(count: int, top1: int, top5: int) -> dict[str, Any]:
    from inception_jax.eval.interval import wilson

    def error(hits: int) -> dict[str, Any]:
        share = 1 - hits / max(count, 1)
        return {"error": share, "interval": list(wilson(share, max(count, 1))), "hits": hits}

    return {"images": count, "top1": error(top1), "top5": error(top5)}


def summary(found: dict[str, Any]) -> str:
    """The text of an evaluation: table, note, loss, calibration, worst classes."""
    lines = [f"{', '.join(found['members'])}: {found['split']}, {found['protocol']}", ""]
    lines.append(text(found["rows"], len(found["classes"])))
    lines += [f"note: {found['note']}"] if found["note"] else []
    lines += ["", f"loss {found['loss']:.4f}   ECE {found['ece']:.2%}"]
    lines += [f"unreadable {name}: {reason}" for name, reason in found["reasons"].items()]
    rows = [r for r in found["per_class"] if r["top1"] is not None and r["top1"] < 1]
    worst = sorted(rows, key=lambda r: r["top1"])[:10]
    names = found["classes"]
    width = max((len(names[r["class"]]) for r in worst), default=0)
    lines += ["", "classes with most errors:"] if worst else []
    for r in worst:
        lines.append(f"  {names[r['class']].ljust(width)}  {1 - r['top1']:7.2%} of {r['count']}")
    return "\n".join([*lines, "", f"written to {found['written']}"])


def text(rows: list[dict[str, Any]], classes: int) -> str:
    """The table, followed by the source of each published number."""
    from inception_jax.eval import top5

    cells = [HEAD, *(_cells(r) for r in rows)]
    if not top5.informative(classes):
        cells = [line[:TOP5] + line[TOP5 + 1 :] for line in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for name, *numbers in cells:
        right = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *right]))
    sources = dict.fromkeys(_source(p) for r in rows for p in r["published"])
    return "\n".join([*lines, *sources])


def _cells(r: dict[str, Any]) -> tuple[str, ...]:
    published = _published(r["published"][0]) if r["published"] else "none"
    return (
        r["what"] or r["network"], str(r["crops"]), str(r["models"]),
        _error(r["top1"]), _error(r["top5"]), published, f"{r['images']:,}",
    )  # fmt: skip


def _error(measured: dict[str, Any]) -> str:
    low, high = measured["interval"]
    return f"{measured['error']:.2%} ({100 * low:.2f} to {100 * high:.2f})"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}%"


def _published(p: dict[str, Any]) -> str:
    return f"{_percent(p['top1'])} / {_percent(p['top5'])}"


def _source(p: dict[str, Any]) -> str:
    images = f", {p['images']:,} images" if p["images"] else ""
    return f"  published {_published(p)}: {p['source']}{images}"
