"""Monitors in the report: heat map data by block, and warnings in words."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from inception_jax.report.records import Record
from inception_jax.train import monitors
from inception_jax.train.monitors import DEAD_RELU, GRAD_NORM, KINDS, RATIO, Monitor

MAX_COLUMNS = 240  # of a heat map, which is about a thousand pixels wide
GROWTH = 2.0  # a ratio above its bound is reported if it is this many times the first value


def heat_maps(lines: Sequence[Record]) -> list[dict[str, Any]]:
    """A table per kind of monitor: its steps, its blocks, and values [block, step].

    The blocks are the same in all tables, so that heat maps side by side are aligned; a value that
    a block does not have is None. Long runs are thinned: a cell is the largest value of an interval
    of lines. Values that are not finite are strings, since JSON has no NaN.
    """
    steps: list[int] = []
    columns: list[list[dict[str, float]]] = []  # by interval and kind, the largest by block
    for interval in _intervals(len(lines)):
        columns.append([{} for _ in KINDS])
        for line in lines[interval]:
            for largest, kind in zip(columns[-1], KINDS, strict=True):
                for block, value in _numbers(line, kind).items():
                    peak = largest.get(block, -math.inf)
                    if not (value <= peak or math.isnan(peak)):  # a NaN counts as the largest
                        largest[block] = value
        steps.append(line["step"])
    # In the order of the kind with the most blocks (the gradient norm).
    rows = [list(dict.fromkeys(itertools.chain(*column))) for column in zip(*columns, strict=True)]
    blocks = list(dict.fromkeys(itertools.chain(*sorted(rows, key=len, reverse=True))))
    return [
        {
            **kind._asdict(), "steps": steps, "blocks": blocks,
            "values": [[_cell(column[i].get(block)) for column in columns] for block in blocks],
        }
        for i, kind in enumerate(KINDS) if rows and rows[i]
    ]  # fmt: skip


def warnings(lines: Sequence[Record]) -> list[str]:
    """Warnings about the last line, one per kind; of residual ratios only those that grew."""
    if not lines:
        return []
    bad = monitors.wrong({k.key: _numbers(lines[-1], k) for k in KINDS})
    dead, large, infinite = (bad.get(k.key, {}) for k in (DEAD_RELU, RATIO, GRAD_NORM))
    first = _numbers(lines[0], RATIO)
    large = {b: v for b, v in large.items() if not v <= GROWTH * first.get(b, 0.0)}
    since = _since(lines, dead)
    warnings = (
        (
            "most channels of these blocks are dead",
            [f"{b} ({v:.0%}, since step {since[b]:,})" for b, v in dead.items()],
        ),
        (
            "the residual branch of these modules dominates the shortcut",
            [f"{b} ({v:.3g} times, initially {first.get(b, 0.0):.3g})" for b, v in large.items()],
        ),
        ("the gradient is not finite", [f"{b} ({v})" for b, v in infinite.items()]),
    )
    step = f"At step {lines[-1]['step']:,} "
    return [f"{step}{what}: {monitors.first_few(blocks)}" for what, blocks in warnings if blocks]


def _intervals(count: int) -> list[slice]:
    columns = min(count, MAX_COLUMNS)
    edges = [i * count // columns for i in range(columns + 1)] if count else []
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _numbers(line: Record, kind: Monitor) -> dict[str, float]:
    """The numbers of a kind by block; empty for a damaged line."""
    blocks = line.get(kind.key)
    if not isinstance(blocks, dict):
        return {}
    return {b: v for b, v in blocks.items() if type(v) in (float, int)}


def _cell(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value if value is None else float(f"{value:.4g}")
    return str(value)


def _since(lines: Sequence[Record], blocks: Iterable[str]) -> dict[str, int]:
    """The steps since which most channels of the blocks, dead in the last line, have been dead."""
    since: dict[str, int] = {}
    dead = set(blocks)
    for line in reversed(lines):
        ratios = _numbers(line, DEAD_RELU)
        dead = {block for block in dead if ratios.get(block, 0.0) > monitors.DEAD}
        if not dead:
            break
        since |= dict.fromkeys(dead, line["step"])
    return since
