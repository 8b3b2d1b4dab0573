"""Monitors in the report: a run's lines by block, for a picture, and what they say in words."""

import itertools
import math
from typing import Any

from inception_jax.report import records
from inception_jax.report.records import Record
from inception_jax.train import monitors
from inception_jax.train.monitors import DEAD_RELU, GRAD_NORM, KINDS, RATIO, Monitor

MAX_COLUMNS = 240  # of a picture: it is about a thousand pixels wide
GROWTH = 2.0  # a ratio above its bound is news when it is this many times the first


def gather(lines: list[Record]) -> list[Record]:
    """The monitors' lines, sorted by step, each step once: of a repeated step the last."""
    found = {}
    for line in lines:
        step = records.whole(line, "step")
        if line["split"] == monitors.SPLIT and step is not None:
            found[step] = line
    return [found[step] for step in sorted(found)]


def pictures(lines: list[Record]) -> list[dict[str, Any]]:
    """A table of each kind that was written: its steps, and a row of values for each block.

    The blocks are the same in all of them, so that pictures side by side line up; a kind that a
    block does not have is None. A long run is thinned: of a stretch of lines a cell shows the
    largest value. What is not a finite number is the text it is, as JSON has none.
    """
    stretches = [lines[i] for i in _cuts(len(lines))]
    blocks = _blocks(lines)
    found = []
    for kind in KINDS:
        columns = [[_largest(part, kind, b) for b in blocks] for part in stretches]
        values = [list(row) for row in zip(*columns, strict=True)]
        if any(v is not None for row in values for v in row):
            steps = [part[-1]["step"] for part in stretches]
            found.append({**kind._asdict(), "steps": steps, "blocks": blocks, "values": values})
    return found


def sentences(lines: list[Record]) -> list[str]:
    """What is wrong at the last line, a sentence a kind; of ratios only those that have grown."""
    if not lines:
        return []
    bad = monitors.wrong({k.key: _numbers(lines[-1], k) for k in KINDS})
    dead, loud, odd = (bad.get(k.key, {}) for k in (DEAD_RELU, RATIO, GRAD_NORM))
    first = _numbers(lines[0], RATIO)
    loud = {b: v for b, v in loud.items() if not v <= GROWTH * first.get(b, 0.0)}
    found = (
        (
            "most channels of these blocks never fire",
            [f"{b} ({v:.0%}, since step {_since(lines, b):,})" for b, v in dead.items()],
        ),
        (
            "what these modules add has outgrown their trunk",
            [f"{b} ({v:.3g} times, {first.get(b, 0.0):.3g} at first)" for b, v in loud.items()],
        ),
        ("the gradient is not finite", [f"{b} ({v})" for b, v in odd.items()]),
    )
    step = f"At step {lines[-1]['step']:,} "
    return [f"{step}{what}: {_several(blocks)}" for what, blocks in found if blocks]


def _several(blocks: list[str]) -> str:
    """The first few of a list, and how many more there are."""
    more = len(blocks) - monitors.NAMES
    return ", ".join(blocks[: monitors.NAMES]) + (f" and {more} more" if more > 0 else "")


def _cuts(count: int) -> list[slice]:
    columns = min(count, MAX_COLUMNS)
    edges = [i * count // columns for i in range(columns + 1)] if count else []
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _numbers(line: Record, kind: Monitor) -> dict[str, float]:
    """The numbers of a kind by block; a damaged line has none."""
    blocks = line.get(kind.key)
    if not isinstance(blocks, dict):
        return {}
    return {b: v for b in blocks if (v := records.number(blocks, b)) is not None}


def _blocks(lines: list[Record]) -> list[str]:
    """All blocks, in the order of the kind that has the most: every block has a gradient."""
    kinds = [list({b: None for line in lines for b in _numbers(line, kind)}) for kind in KINDS]
    return list(dict.fromkeys(itertools.chain(*sorted(kinds, key=len, reverse=True))))


def _largest(part: list[Record], kind: Monitor, block: str) -> float | str | None:
    values = [v for line in part if (v := _numbers(line, kind).get(block)) is not None]
    if odd := [v for v in values if not math.isfinite(v)]:
        return str(odd[-1])
    return float(f"{max(values):.4g}") if values else None


def _since(lines: list[Record], block: str) -> int:
    """The step from which on every line has most of the block's channels dead."""
    step = lines[-1]["step"]
    for line in reversed(lines):
        if not _numbers(line, DEAD_RELU).get(block, 0.0) > monitors.DEAD:
            break
        step = line["step"]
    return step
