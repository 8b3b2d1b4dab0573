"""The arithmetic and the table of `bench.py`; imports the standard library alone.

A run is `part, who, round, figures, peak_bytes`; a document is the head of bench.json, `runs` and
`results`, which is what `results()` makes of the runs.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Run = dict[str, Any]
RATE = "images/s"  # larger is better; of seconds, smaller
# Part -> its figures: key, title, unit. A peer may give some of them.
PARTS = {
    "train": (("images_per_s", "train", RATE),),
    "eval": (("images_per_s", "eval", RATE),),
    "input": (("images_per_s", "input", RATE),),
    "joined": (("images_per_s", "train with input", RATE),),
    "compile": (
        ("cold_s", "compile train", "s"),
        ("warm_s", "  again, cached", "s"),
        ("first_step_s", "command to 1st step", "s"),
        ("first_step_again_s", "  again, cached", "s"),
    ),
    "checkpoint": (("save_s", "save", "s"), ("restore_s", "verify, restore", "s")),
}
HEAD = ("what", "ours", "peer", "theirs", "ratio (range)")


def results(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row for each figure of ours and each peer that has it too; one alone where none has."""
    rows = []
    for part, figures in PARTS.items():
        peers = dict.fromkeys(r["who"] for r in runs if r["part"] == part and r["who"] != "ours")
        for key, _, unit in figures:
            ours = _by_round(runs, part, "ours", key)
            if not ours:
                continue
            row = {"part": part, "figure": key, "unit": unit, "ours": _side(ours, key)}
            beside = []
            for peer in peers:
                theirs = _by_round(runs, part, peer, key)
                both = sorted(ours.keys() & theirs.keys())
                each = [ours[i]["figures"][key] / theirs[i]["figures"][key] for i in both]
                each = each if unit == RATE else [1 / x for x in each]
                if each:
                    spread = {
                        "median": statistics.median(each),
                        "low": min(each),
                        "high": max(each),
                    }
                    side = {"peer": peer, "theirs": _side(theirs, key)}
                    beside.append({**row, **side, "ratio": spread, "rounds": len(each)})
            rows += beside or [row]
    return rows


def _by_round(runs: Sequence[Run], part: str, who: str, key: str) -> dict[int, Run]:
    mine = (r for r in runs if (r["part"], r["who"]) == (part, who) and key in r["figures"])
    return {r["round"]: r for r in mine}


def _side(runs: dict[int, Run], key: str) -> dict[str, Any]:
    """The median of a figure over its runs, the largest memory peak, and what the newest adds."""
    newest = runs[max(runs)]["figures"]
    return {
        "median": statistics.median(r["figures"][key] for r in runs.values()),
        "peak_bytes": max(r["peak_bytes"] for r in runs.values()),
        **{k: newest[k] for k in ("device", "note", "bytes") if k in newest},
    }


def markdown(found: Mapping[str, Any]) -> list[str]:
    """The lines of the README's table."""
    lines = [subject(found), "", f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for *row, last in cells(found):
        last = f"**{last.replace(' ', '** ', 1)}" if last else ""
        line = f"| {' | '.join([*row, last])} |"
        lines.append(line.replace("|  |", "| |").replace("|  |", "| |"))
    return [*lines, "", "; ".join(notes(found)) + "."]


def subject(found: Mapping[str, Any]) -> str:
    """What was measured, where, with what, when."""
    s, m = found["settings"], found["machine"]
    kind = [s["dialect"]] if s["dialect"] else []
    kind += [f"width {s['width']:g}"] if s["width"] != 1 else []
    kind += [f"{s['stem']} stem"] if s["stem"] != "paper" else []
    name = s["model"] + (f" ({', '.join(kind)})" if kind else "")
    device = "the CPU" if m["backend"] == "cpu" else m["device"]
    return (
        f"{name}, {s['size']} pixels, batches of {s['batch']}, {s['dtype']}, one device. "
        f"{m['cpu']}, {m['cores']} cores; jax {m['jax']} on {device}; {found['began']}."
    )


def cells(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The five columns of each row; what a row shares with the one above is left empty."""
    rows, last = [], None
    for row in found["results"]:
        name = (row["part"], row["figure"])
        mine = ("", "") if name == last else (_title(row), _figure(row["ours"], row["unit"]))
        beside: tuple[str, ...] = ("", "", "")
        if "peer" in row:
            r = row["ratio"]
            spread = f"{r['median']:.2f} ({r['low']:.2f} to {r['high']:.2f})"
            beside = (row["peer"], _figure(row["theirs"], row["unit"]), spread)
        rows.append((*mine, *beside))
        last = name
    return rows


def notes(found: Mapping[str, Any]) -> list[str]:
    """What a reader of the ratios must know, a line each."""
    lines = busy(found) + [f"{name}: {reason}" for name, reason in found["left_out"].items()]
    for name, versions in found["peers"].items():
        lines.append(f"{name}: " + ", ".join(f"{n} {v}" for n, v in versions.items()))
    for row in found["results"]:
        ours, theirs, what = row["ours"], row.get("theirs", {}), _title(row).strip()
        if note := theirs.get("note"):
            lines.append(f"{what}: {row['peer']} {note}")
        if theirs.get("device", ours.get("device")) != ours.get("device"):
            devices = f"{row['peer']} ran on {theirs['device']}, ours on {ours['device']}"
            lines.append(f"{what}: {devices}")
        if row["part"] == "joined" and found["machine"]["backend"] == "cpu":
            lines.append(f"{what}: on a CPU the step and its input share the cores")
        if size := ours.get("bytes"):
            rates = [f"{number(size / 1e6 / s['median'])} MB/s" for s in (ours, theirs) if s]
            lines.append(f"{what}: {number(size / 1e6)} MB, {' beside the disk with '.join(rates)}")
    return lines


def busy(found: Mapping[str, Any]) -> list[str]:
    """A note on figures that were made beside other work."""
    load, cores = found["load"], found["machine"]["cores"]
    note = (
        f"made beside other work (load {load:g} on {cores} cores), which slows some programs far "
        "more than others: to be measured again on a quiet machine"
    )
    return [note] if load > cores / 4 else []


def number(value: float) -> str:
    """Three digits, and never as a power of ten."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def _title(row: Mapping[str, Any]) -> str:
    return next(title for key, title, _ in PARTS[row["part"]] if key == row["figure"])


def _figure(side: Mapping[str, Any], unit: str) -> str:
    return f"{number(side['median'])} {unit} ({side['peak_bytes'] / 1e9:.1f} GB)"
