"""The arithmetic: each round's ratio, their median, and how far they lie apart."""

import statistics
from collections.abc import Sequence
from typing import Any

from inception_jax.bench.parts import PARTS, Figure

Run = dict[str, Any]  # part, who, round, figures, peak_bytes; see `record`


def results(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row for each figure of ours and each peer that gave it too; one alone where none did."""
    rows = []
    for part, about in PARTS.items():
        ours = _by_round(runs, part, "ours")
        peers = dict.fromkeys(r["who"] for r in runs if r["part"] == part and r["who"] != "ours")
        for figure in about.figures:
            mine = _having(ours, figure)
            if not mine:
                continue
            row = {
                "part": part,
                "figure": figure.key,
                "unit": figure.unit,
                "ours": _side(mine, figure),
            }
            beside = [_beside(row, mine, _by_round(runs, part, p), figure, p) for p in peers]
            rows += [r for r in beside if r] or [row]
    return rows


def spread(values: Sequence[float]) -> dict[str, float]:
    """Their median, and the least and the greatest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def _beside(
    row: dict[str, Any], mine: dict[int, Run], theirs: dict[int, Run], figure: Figure, peer: str
) -> dict[str, Any] | None:
    """The row with what a peer gave, over the rounds in which both ran; None without one."""
    theirs = _having(theirs, figure)
    both = sorted(mine.keys() & theirs.keys())
    if not both:
        return None
    each = [
        figure.ratio(mine[i]["figures"][figure.key], theirs[i]["figures"][figure.key]) for i in both
    ]
    side = _side(theirs, figure)
    return {**row, "peer": peer, "theirs": side, "ratio": spread(each), "rounds": len(both)}


def _side(runs: dict[int, Run], figure: Figure) -> dict[str, Any]:
    """The median of a figure over its runs, and the most memory that one of them took."""
    newest = runs[max(runs)]
    side = {
        "median": statistics.median(r["figures"][figure.key] for r in runs.values()),
        "peak_bytes": max(r["peak_bytes"] for r in runs.values()),
    }
    return side | {
        k: newest["figures"][k] for k in ("device", "note", "bytes") if k in newest["figures"]
    }


def _by_round(runs: Sequence[Run], part: str, who: str) -> dict[int, Run]:
    return {r["round"]: r for r in runs if (r["part"], r["who"]) == (part, who)}


def _having(runs: dict[int, Run], figure: Figure) -> dict[int, Run]:
    return {i: r for i, r in runs.items() if figure.key in r["figures"]}
