"""Monitors in the report: heat map data by block, and warnings in words."""

import itertools
import math
from typing import Any

from inception_jax.report import records
from inception_jax.report.records import Record
from inception_jax.train import monitors
from inception_jax.train.monitors import DEAD_RELU, GRAD_NORM, KINDS, RATIO, Monitor

MAX_COLUMNS = 240  # of a heat map, which is about a thousand pixels wide
GROWTH = 2.0  # a ratio above its bound is reported if it is this many times the first value


def gather(lines: list[Record]) -> list[Record]:
    """The monitor lines, sorted by step; of repeated steps the last."""
    by_step = {}
    for line in lines:
        step = records.whole(line, "step")
        if line["split"] == monitors.SPLIT and step is not None:
            by_step[step] = line
    return [by_step[step] for step in sorted(by_step)]


def heat_maps(lines: list[Record]) -> list[dict[str, Any]]:
    """A table per kind of monitor: its steps, its blocks, and values [block, step].

    The blocks are the same in all tables, so that heat maps side by side are aligned; a value that
    a block does not have is None. Long runs are thinned: a cell is the largest value of an interval
    of lines. Values that are not finite are strings, since JSON has no NaN.
    """
    intervals = [lines[i] for i in _intervals(len(lines))]
    blocks = _blocks(lines)
    tables = []
    for kind in KINDS:
        columns = [[_largest(interval, kind, b) for b in blocks] for interval in intervals]
        values = [list(row) for row in zip(*columns, strict=True)]
        if any(v is not None for row in values for v in row):
            steps = [interval[-1]["step"] for interval in intervals]
            tables.append({**kind._asdict(), "steps": steps, "blocks": blocks, "values": values})
    return tables


def warnings(lines: list[Record]) -> list[str]:
    """Warnings about the last line, one per kind; of residual ratios only those that grew."""
    if not lines:
        return []
    bad = monitors.wrong({k.key: _numbers(lines[-1], k) for k in KINDS})
    dead, large, infinite = (bad.get(k.key, {}) for k in (DEAD_RELU, RATIO, GRAD_NORM))
    first = _numbers(lines[0], RATIO)
    large = {b: v for b, v in large.items() if not v <= GROWTH * first.get(b, 0.0)}
    warnings = (
        (
            "most channels of these blocks are dead",
            [f"{b} ({v:.0%}, since step {_since(lines, b):,})" for b, v in dead.items()],
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
    return {b: v for b in blocks if (v := records.number(blocks, b)) is not None}


def _blocks(lines: list[Record]) -> list[str]:
    """All blocks, in the order of the kind with the most blocks (the gradient norm)."""
    kinds = [list({b: None for line in lines for b in _numbers(line, kind)}) for kind in KINDS]
    return list(dict.fromkeys(itertools.chain(*sorted(kinds, key=len, reverse=True))))


def _largest(interval: list[Record], kind: Monitor, block: str) -> float | str | None:
    values = [v for line in interval if (v := _numbers(line, kind).get(block)) is not None]
    if infinite := [v for v in values if not math.isfinite(v)]:
        return str(infinite[-1])
    return float(f"{max(values):.4g}") if values else None


def _since(lines: list[Record], block: str) -> int:
    """The step since which most channels of the block have been dead."""
    step = lines[-1]["step"]
    for line in reversed(lines):
        if not _numbers(line, DEAD_RELU).get(block, 0.0) > monitors.DEAD:
            break
        step = line["step"]
    return step
