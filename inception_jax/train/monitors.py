"""Monitors: the health of each block of a network, ordered and summarised.

It does not import JAX: the report reads the same numbers from a file.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# {kind: {block: value}}: the entry `monitors` of a train step's metrics (`steps`), and a line's.
Noted = Mapping[str, Mapping[str, float]]

SPLIT = "monitors"  # of their lines in metrics.jsonl
DEAD = 0.5  # share of silent channels above which a block is called dying
LOUD = 1.0  # residual over input: above it a module replaces what it should correct
NAMES = 4  # blocks that a sentence names


class Monitor(NamedTuple):
    """One of the numbers: its key, and what a reader calls it."""

    key: str
    title: str


RATIO = Monitor("residual_ratio", "Residual over input")
DEAD_RELU = Monitor("dead_relu", "Channels that never fire")
GRAD_NORM = Monitor("grad_norm", "Gradient norm")
KINDS = (RATIO, DEAD_RELU, GRAD_NORM)


def line(noted: Noted, rows: Sequence[str]) -> dict[str, dict[str, float]]:
    """The values of a line of metrics.jsonl: blocks in the order of the network.

    Args:
        noted: numbers of any type that `float` takes, in any order (JAX sorts keys).
        rows: names of the network's rows, top to bottom; what else has a gradient comes after.
    """
    place = {name: i for i, name in enumerate(rows)}

    def key(block: str) -> tuple[int, int, str]:
        row, _, number = block.rpartition("_")
        if block not in place and row in place and number.isdigit():
            return place[row], int(number), ""
        return place.get(block, len(rows)), 0, block

    kinds = [kind.key for kind in KINDS if kind.key in noted]
    # Six digits: a hundred blocks a line, and nobody reads a seventh.
    short = lambda x: float(f"{float(x):.6g}")  # noqa: E731
    return {k: {b: short(noted[k][b]) for b in sorted(noted[k], key=key)} for k in kinds}


def wrong(noted: Noted) -> dict[str, dict[str, float]]:
    """The values of a line beyond their bounds, the worst block of each kind first."""

    def badness(value: float) -> float:
        return value if math.isfinite(value) else math.inf

    bounds = {RATIO.key: LOUD, DEAD_RELU.key: DEAD, GRAD_NORM.key: math.inf}
    found = {}
    for kind, blocks in noted.items():
        bad = [b for b, v in blocks.items() if not v <= bounds[kind] or math.isinf(v)]
        found[kind] = {b: blocks[b] for b in sorted(bad, key=lambda b: -badness(blocks[b]))}
    return {kind: blocks for kind, blocks in found.items() if blocks}


def worst(noted: Noted) -> str:
    """One line that names the worst blocks of a step; empty if nothing was monitored.

    For a step that diverged, so the largest are named even if no number is beyond its bound.
    """
    bad, parts = wrong(noted), []
    for kind, words in zip(KINDS, ("residual/input", "silent channels", "gradient"), strict=True):
        blocks = noted.get(kind.key, {})
        top = bad.get(kind.key) or {b: blocks[b] for b in sorted(blocks, key=lambda b: -blocks[b])}
        if top:
            named = first_few([f"{shown(kind, v)} in {b}" for b, v in top.items()])
            parts.append(f"{words} {named}")
    return "Worst blocks: " + "; ".join(parts) + "." if parts else ""


def shown(kind: Monitor, value: float) -> str:
    """The value formatted for its kind: 97%, or 1.53."""
    return f"{value:.0%}" if kind is DEAD_RELU else f"{value:.3g}"


def first_few(blocks: Sequence[str]) -> str:
    """The first few of a list, and the number of the others."""
    more = len(blocks) - NAMES
    return ", ".join(blocks[:NAMES]) + (f" and {more} more" if more > 0 else "")
