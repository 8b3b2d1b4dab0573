"""The arithmetic and the table of `bench.py`; imports the standard library alone.

A run is `part, who, round, figures, peak_bytes`; bench.json has them, and their `results`.
"""

import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

RATE = "images/s"  # larger is better; of seconds, smaller
# Part -> its figures: key, title, unit. A peer may give some of them.
PARTS = {
    "train": (("images_per_s", "train", RATE),),
    "eval": (("images_per_s", "eval", RATE),),
    "input": (("images_per_s", "input", RATE),),
    "joined": (("images_per_s", "train with input", RATE),),
    "compile": (
        ("cold_s", "compile train", "s"), ("warm_s", "  again, cached", "s"),
        ("first_step_s", "command to 1st step", "s"),
        ("first_step_again_s", "  again, cached", "s"),
    ),
    "checkpoint": (("save_s", "save", "s"), ("restore_s", "verify, restore", "s")),
}  # fmt: skip
HEAD = "| what | ours | peer | theirs | ratio (range) |"


def results(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each figure of ours and each peer that has it too; one alone where none has."""
    rows = []
    for part, figures in PARTS.items():
        peers = dict.fromkeys(r["who"] for r in runs if r["part"] == part and r["who"] != "ours")
        for key, _, unit in figures:
            if not (ours := _by_round(runs, part, "ours", key)):
                continue
            row = {"part": part, "figure": key, "unit": unit, "ours": _side(ours, key)}
            beside = []
            for peer in peers:
                theirs = _by_round(runs, part, peer, key)
                both = ours.keys() & theirs.keys()
                each = [ours[i]["figures"][key] / theirs[i]["figures"][key] for i in both]
                each = sorted(each if unit == RATE else [1 / x for x in each])
                if each:
                    ratio = {"median": statistics.median(each), "low": each[0], "high": each[-1]}
                    side = {"peer": peer, "theirs": _side(theirs, key)}
                    beside.append({**row, **side, "ratio": ratio, "rounds": len(each)})
            rows += beside or [row]
    return rows


def _by_round(runs: Sequence[dict[str, Any]], part: str, who: str, key: str) -> dict[int, Any]:
    mine = (r for r in runs if (r["part"], r["who"]) == (part, who) and key in r["figures"])
    return {r["round"]: r for r in mine}


def _side(runs: dict[int, Any], key: str) -> dict[str, Any]:
    """The median of a figure over its runs, the largest memory peak, and what the newest adds."""
    newest = runs[max(runs)]["figures"]
    return {
        "median": statistics.median(r["figures"][key] for r in runs.values()),
        "peak_bytes": max(r["peak_bytes"] for r in runs.values()),
        **{k: newest[k] for k in ("device", "note", "bytes") if k in newest},
    }


def markdown(found: Mapping[str, Any]) -> list[str]:
    """The lines of the README's table; what a row shares with the one above is left empty."""
    lines, last = [subject(found), "", HEAD, "|---" * HEAD.count(" | ") + "|---|"], None
    for row in found["results"]:
        name, unit, peer = (row["part"], row["figure"]), row["unit"], ("", "", "")
        ours = ("", "") if name == last else (_title(row), _figure(row["ours"], unit))
        if "peer" in row:
            r = row["ratio"]
            ratio = f"**{r['median']:.2f}** ({r['low']:.2f} to {r['high']:.2f})"
            peer = (row["peer"], _figure(row["theirs"], unit), ratio)
        lines.append(re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join([*ours, *peer])} |"))
        last = name
    return [*lines, "", "; ".join(notes(found)) + "."]


def subject(found: Mapping[str, Any]) -> str:
    """What was measured, where, with what, when."""
    s, m = found["settings"], found["machine"]
    kind = [s["dialect"], f"width {s['width']:g}", f"{s['stem']} stem"]
    kind = [k for k in kind if k not in ("", "width 1", "paper stem")]
    name = s["model"] + (f" ({', '.join(kind)})" if kind else "")
    device = "the CPU" if m["backend"] == "cpu" else m["device"]
    return (
        f"{name}, {s['size']} pixels, batches of {s['batch']}, {s['dtype']}, one device. "
        f"{m['cpu']}, {m['cores']} cores; jax {m['jax']} on {device}; {found['began']}."
    )


def notes(found: Mapping[str, Any]) -> list[str]:
    """What a reader of the ratios must know, a line each."""
    lines = busy(found) + [f"{name}: {reason}" for name, reason in found["left_out"].items()]
    for name, versions in found["peers"].items():
        lines.append(f"{name}: " + ", ".join(f"{n} {v}" for n, v in versions.items()))
    for row in found["results"]:
        ours, theirs, what = row["ours"], row.get("theirs", {}), _title(row).strip()
        if note := theirs.get("note"):
            lines.append(f"{what}: {row['peer']} {note}")
        if (theirs or ours).get("device") != (on := ours.get("device")):
            lines.append(f"{what}: {row['peer']} ran on {theirs.get('device')}, ours on {on}")
        if row["part"] == "joined" and found["machine"]["backend"] == "cpu":
            lines.append(f"{what}: on a CPU the step and its input share the cores")
        if size := ours.get("bytes"):
            rates = [f"{number(size / 1e6 / s['median'])} MB/s" for s in (ours, theirs) if s]
            lines.append(f"{what}: {number(size / 1e6)} MB, {' beside the disk with '.join(rates)}")
    return lines


def busy(found: Mapping[str, Any]) -> list[str]:
    """A note if other work was running during the measurement."""
    load, cores = found["load"], found["machine"]["cores"]
    note = f"measured beside other work (load {load:g} on {cores} cores): repeat on a quiet machine"
    return [note] if load > cores / 4 else []


def number(value: float) -> str:
    """Three digits, and never as a power of ten."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def _title(row: Mapping[str, Any]) -> str:
    return next(title for key, title, _ in PARTS[row["part"]] if key == row["figure"])


def _figure(side: Mapping[str, Any], unit: str) -> str:
    return f"{number(side['median'])} {unit} ({side['peak_bytes'] / 1e9:.1f} GB)"
