"""Curves: metrics.jsonl as columns per split, thinned to a size that a browser can draw."""

import math
from dataclasses import dataclass

from inception_jax.report import records
from inception_jax.report.records import Record

LABELS = frozenset({"split", "weights", "time"})
MAX_LINES = 3000


@dataclass(frozen=True)
class Curve:
    """The lines of one split (and one kind of weights), sorted by step, without repeated steps."""

    split: str
    weights: str | None
    lines: tuple[Record, ...]

    @property
    def label(self) -> str:
        """Label in the legend: `train`, `test` or `test (ema)`."""
        return f"{self.split} ({self.weights})" if self.weights else self.split

    def last(self, key: str) -> float | None:
        """The newest number under `key`."""
        return next(
            (v for r in reversed(self.lines) if (v := records.number(r, key)) is not None), None
        )


def gather(lines: list[Record], notes: list[str]) -> list[Curve]:
    """Group the lines of a file into curves: `train` first, others in order of appearance.

    A resumed run repeats steps; the last line of each (split, weights, step) counts. `notes`
    receives a note about a loss that is not finite.
    """
    by_curve: dict[tuple[str, str | None], dict[int, Record]] = {}
    for line in lines:
        step = records.whole(line, "step")
        if step is None:
            continue
        weights = line.get("weights")
        key = (str(line["split"]), str(weights) if weights else None)
        by_curve.setdefault(key, {})[step] = line
    curves = [
        Curve(split, weights, tuple(by_step[s] for s in sorted(by_step)))
        for (split, weights), by_step in by_curve.items()
    ]
    for curve in curves:
        losses = [(r["step"], records.number(r, "loss")) for r in curve.lines]
        if bad := [step for step, loss in losses if loss is not None and not math.isfinite(loss)]:
            later = f" and {len(bad) - 1:,} later lines" if len(bad) > 1 else ""
            notes.append(f"the {curve.label} loss is not finite at step {bad[0]:,}{later}")
    return sorted(curves, key=lambda c: c.split != "train")


def thin(lines: tuple[Record, ...], limit: int = MAX_LINES) -> tuple[Record, ...]:
    """Select at most `limit` lines that include both ends and every spike.

    From each interval it selects the lines with the smallest loss, the largest loss and the largest
    gradient norm; a value that is not finite counts as the largest.
    """
    if len(lines) <= limit:
        return lines
    count = max(1, (limit - 2) // 3)
    selected = {0, len(lines) - 1}
    for i in range(count):
        interval = range(i * len(lines) // count, (i + 1) * len(lines) // count)
        selected.add(min(interval, key=lambda j: _magnitude(lines[j], "loss")))
        selected.add(max(interval, key=lambda j: _magnitude(lines[j], "loss")))
        selected.add(max(interval, key=lambda j: _magnitude(lines[j], "grad_norm")))
    return tuple(lines[j] for j in sorted(selected))


def _magnitude(line: Record, key: str) -> float:
    value = records.number(line, key)
    if value is None:
        return 0.0
    return value if math.isfinite(value) else math.inf


def columns(lines: tuple[Record, ...]) -> dict[str, list[float | None]]:
    """Lines as columns of rounded numbers; missing values, NaN and infinities are None."""
    keys = {k: None for line in lines for k in line if k not in LABELS}
    table = {k: [_rounded(records.finite(line, k)) for line in lines] for k in keys}
    return {k: v for k, v in table.items() if any(x is not None for x in v)}


def _rounded(value: float | None) -> float | None:
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.6g}")
