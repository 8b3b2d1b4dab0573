"""The text of an evaluation that no paper has a table for: metrics, and a row for each output."""

from collections.abc import Mapping, Sequence
from typing import Any

from inception_jax.config import tasks
from inception_jax.errors import shown


def row(what: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """One evaluation: the metrics of `what`, a title for it."""
    return {"what": what, **numbers}


def summary(found: Mapping[str, Any]) -> str:
    """The text of an evaluation: its metrics, a table by class or target."""
    lines = [f"{', '.join(found['members'])}: {found['split']}, {found['protocol']}", ""]
    lines += [f"{r['what'] or 'all'}: {_metrics(r)}, {r['count']:,} images" for r in found["rows"]]
    lines += [f"unreadable {name}: {reason}" for name, reason in found["reasons"].items()]
    if "table" in found:
        lines += ["", found["table"]["title"] + ":", *_table(found["table"])]
    return "\n".join([*lines, "", f"written to {found['written']}"])


def _metrics(numbers: Mapping[str, Any]) -> str:
    known = [(m, numbers[key]) for key, m in tasks.METRICS.items() if key in numbers]
    return ", ".join(f"{metric.title} {metric.text(value)}" for metric, value in known)


def _table(table: Mapping[str, Any]) -> Sequence[str]:
    cells = [("", *table["columns"])]
    for name, values in zip(table["names"], table["rows"], strict=True):
        cells.append((shown(name), *("-" if v is None else f"{v:.4g}" for v in values)))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in cells
    ]
