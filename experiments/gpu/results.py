"""The table of `measure.py`'s JSON; imports the standard library alone."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

WHO = ("ours", "plain", "torch", "torch.compile")
TITLES = {"train": "train step", "eval": "evaluation", "joined": "training with its input"}
HEAD = ["| network | images/s | ours | plain Flax | torch | torch.compile |", "|---" * 6 + "|"]


def markdown(found: Mapping[str, Any]) -> list[str]:
    """Subject, a row for each rate of each network with its peers, and what else was found."""
    by = {(r["network"], r["part"], r["who"]): r["figures"] for r in found["runs"]}
    rows = dict.fromkeys((r["network"], r["part"]) for r in found["runs"] if r["part"] in TITLES)
    lines, last = [subject(found), "", *HEAD], ""
    for network, part in rows:
        ours = by.get((network, part, "ours"), {})
        cells = [_ours(ours, found["settings"]["batch"])]
        cells += [_peer(by.get((network, part, who)), ours) for who in WHO[1:]]
        if part == "joined" and (
            step := by.get((network, "train", "ours"), {}).get("images_per_s")
        ):
            cells[0] += f" {ours.get('images_per_s', 0) / step:.0%} of the step"
        name = f"`{network}`" if network != last else ""
        line = f"| {' | '.join([name, TITLES[part], *cells])} |"
        lines.append(re.sub(r"\|  (?=\|)", "| ", line))
        last = network
    others = [line for r in found["runs"] for line in _other(r["part"], r["figures"])]
    return [*lines, "", *(f"- {line}" for line in others)]


def subject(found: Mapping[str, Any]) -> str:
    """Card, host, versions, date, settings and photographs."""
    s, m = found["settings"], found.get("machine", {})
    named = {"jax": m.get("jax"), **found.get("versions", {})}
    versions = ", ".join(f"{k} {v}" for k, v in named.items() if v and k != "PIL")
    tiny = "TINY, to try the script: no figures. " if found.get("tiny") else ""
    host = f"{m.get('cores', '?')} cores" + (f" of {m['cpu']}" if "cpu" in m else "")
    return (
        f"{tiny}{m.get('device', 'unknown device')}, {host}; "
        f"{versions}; {found['date']}. {s['size']} pixels, batches of {s['batch']}, {s['dtype']}. "
        f"Input: {found['photos']}."
    )


def _ours(figures: Mapping[str, Any], batch: int) -> str:
    if "images_per_s" not in figures:
        return _short(figures.get("error", ""))
    rate = figures["images_per_s"]
    notes = [f"{1e3 * batch / rate:,.1f} ms"]
    if peak := figures.get("device_peak_bytes"):
        notes.append(f"{peak / 1e9:.1f} GB at most")
    if held := figures.get("temporary_bytes"):
        notes.append(f"temporaries {held / 1e9:.2f} GB")
    if first := figures.get("first_call_s"):
        notes.append(f"first {first:.0f} s")
    return f"**{_number(rate)}** ({'; '.join(notes)})"


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _short(error: str) -> str:
    return error if len(error) < 60 else f"{error[:56]} ..."


def _peer(figures: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> str:
    if figures is None:
        return ""
    if "images_per_s" not in figures:
        return _short(figures["error"])
    rate, own = figures["images_per_s"], ours.get("images_per_s")
    return _number(rate) + (f": {own / rate:.2f}x" if own else "")


def _other(part: str, figures: Mapping[str, Any]) -> Iterator[str]:
    """What is no rate of a network: checks, input, kernels; and parts that failed."""
    if part in TITLES:
        return
    if "distances" in figures:
        each = ", ".join(f"{name} {x:.0e}" for name, x in figures["distances"].items())
        yield f"forms beside plain Flax, float64, relative: {each}"
    if "bit_identical" in figures:
        same = "the same bits" if figures["bit_identical"] else "other bits"
        yield f"resumed against uninterrupted: {same}, {figures['starts']} starts"
    if "kinds" in figures:
        kinds = figures["kinds"]
        each = ", ".join(f"{name} {_kernels(**row)}" for name, row in kinds.items())
        whole = _kernels(figures["total_ms"], figures["total_kernels"])
        yield f"kernels of a train step, ms (count): {each}; of {whole}"
    if part == "scaling" and "error" not in figures:
        yield f"input: {_scaling(figures)}"
    if "error" in figures:
        yield f"{part}: {figures['error']}"


def _kernels(ms: float, kernels: float | None = None) -> str:
    return f"{ms:.1f}" + (f" ({kernels:,.0f})" if kernels is not None else "")


def _scaling(figures: Mapping[str, Any]) -> str:
    rates = ", ".join(f"{name} {rate:,.0f}" for name, rate in figures["scaling"].items())
    return rates + "".join(f"; {k}: {figures[k]}" for k in ("best", "chosen") if k in figures)
