"""A bench as text: a line for each figure and peer, the machine above it."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from inception_jax.bench.machine import disturbed
from inception_jax.bench.parts import PARTS

HEAD = ("what", "ours", "peer", "theirs", "ratio (range)")


def text(found: Mapping[str, Any]) -> str:
    """The whole answer for a person; at most 100 columns, but for the names of a machine."""
    lines = [subject(found), machine(found), ""]
    rows = [HEAD, *map(cells, shown(found["results"]))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines += [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines += ["", "ratio: how many times as fast ours is; in brackets the least and greatest round"]
    lines += ["in brackets behind a figure: the most memory of its process"]
    wrapped = [textwrap.fill(note, 100, subsequent_indent="  ") for note in notes(found)]
    return "\n".join([*lines, *wrapped])


def subject(found: Mapping[str, Any]) -> str:
    """What was measured: the network and the batch."""
    s = found["settings"]
    kind = [s["dialect"]] if s["dialect"] else []
    kind += [f"width {s['width']:g}"] if s["width"] != 1 else []
    kind += [f"{s['stem']} stem"] if s["stem"] != "paper" else []
    name = s["model"] + (f" ({', '.join(kind)})" if kind else "")
    return f"{name}, {s['size']} pixels, batches of {s['batch']}, {s['dtype']}, one device"


def machine(found: Mapping[str, Any]) -> str:
    """Where, with what, when."""
    m = found["machine"]
    device = "the CPU" if m["backend"] == "cpu" else m["device"]
    return f"{m['cpu']}, {m['cores']} cores; jax {m['jax']} on {device}; {found['began']}"


def shown(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows, with what they are, which a figure says once."""
    titles = {(part, f.key): f.what for part, about in PARTS.items() for f in about.figures}
    rows, last = [], None
    for row in results:
        name = (row["part"], row["figure"])
        rows.append({**row, "what": titles[name], "again": name == last})
        last = name
    return rows


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row's five columns."""
    unit = row["unit"]
    mine = ("", "") if row["again"] else (row["what"], _figure(row["ours"], unit))
    if "peer" not in row:
        return (*mine, "", "", "")
    return (*mine, row["peer"], _figure(row["theirs"], unit), ratio(row["ratio"]))


def ratio(found: Mapping[str, float]) -> str:
    """`2.10 (2.05 to 2.20)`."""
    return f"{found['median']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def number(value: float) -> str:
    """Three digits, and never as a power of ten."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def notes(found: Mapping[str, Any]) -> list[str]:
    """What a reader of the ratios must know, a line each."""
    lines = [text] if (text := disturbed(found)) else []
    lines += [f"{name}: {text}" for name, text in found["left_out"].items()]
    for name, versions in found["peers"].items():
        lines.append(f"{name}: " + ", ".join(f"{n} {v}" for n, v in versions.items()))
    cpu = found["machine"]["backend"] == "cpu"
    for row in shown(found["results"]):
        lines += [f"{row['what'].strip()}: {text}" for text in _said(row, cpu)]
    return lines


def _said(row: Mapping[str, Any], cpu: bool) -> list[str]:
    """What there is to say of one row."""
    ours, theirs, said = row["ours"], row.get("theirs", {}), []
    if note := theirs.get("note"):
        said.append(f"{row['peer']} {note}")
    if theirs.get("device", ours.get("device")) != ours.get("device"):
        said.append(f"{row['peer']} ran on {theirs['device']}, ours on {ours['device']}")
    if row["part"] == "joined" and cpu:
        said.append("on a CPU the step and its input share the cores")
    if size := ours.get("bytes"):
        rates = [f"{number(size / 1e6 / side['median'])} MB/s" for side in (ours, theirs) if side]
        said.append(f"{number(size / 1e6)} MB, {' beside the disk with '.join(rates)}")
    return said


def _figure(side: Mapping[str, Any], unit: str) -> str:
    return f"{number(side['median'])} {unit} ({side['peak_bytes'] / 1e9:.1f} GB)"
