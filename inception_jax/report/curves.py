"""Curves: metrics.jsonl as one column store per split, thinned to what a page can draw."""

import math
from dataclasses import dataclass

from inception_jax.report import records
from inception_jax.report.records import Record

LABELS = frozenset({"split", "weights", "time"})
MAX_LINES = 3000


@dataclass(frozen=True)
class Curve:
    """The lines of one split (and one kind of weights), sorted by step, each step once."""

    split: str
    weights: str | None
    lines: tuple[Record, ...]

    @property
    def label(self) -> str:
        """What a legend calls it: `train`, `test` or `test (ema)`."""
        return f"{self.split} ({self.weights})" if self.weights else self.split

    def last(self, key: str) -> float | None:
        """The newest number under `key`."""
        return next(
            (v for r in reversed(self.lines) if (v := records.number(r, key)) is not None), None
        )


def gather(lines: list[Record], notes: list[str]) -> list[Curve]:
    """The curves in the lines of a file, `train` first and the others in order of appearance.

    A resumed run repeats steps; the last line of a (split, weights, step) wins. `notes` receives
    a line for a loss that is not finite.
    """
    found: dict[tuple[str, str | None], dict[int, Record]] = {}
    for line in lines:
        step = records.whole(line, "step")
        if step is None:
            continue
        weights = line.get("weights")
        key = (str(line["split"]), str(weights) if weights else None)
        found.setdefault(key, {})[step] = line
    curves = [
        Curve(split, weights, tuple(by_step[s] for s in sorted(by_step)))
        for (split, weights), by_step in found.items()
    ]
    for curve in curves:
        if bad := [r["step"] for r in curve.lines if not _sound(r)]:
            notes.append(
                f"the {curve.label} loss is not finite at step {bad[0]:,}"
                + (f" and {len(bad) - 1:,} later lines" if len(bad) > 1 else "")
            )
    return sorted(curves, key=lambda c: c.split != "train")


def _sound(line: Record) -> bool:
    loss = records.number(line, "loss")
    return loss is None or math.isfinite(loss)


def thin(lines: tuple[Record, ...], limit: int = MAX_LINES) -> tuple[Record, ...]:
    """At most `limit` whole lines that keep what one looks for: the ends and every spike.

    Of each stretch of lines it keeps those with the least and greatest loss and the greatest
    gradient norm; a loss that is not finite counts as the greatest.
    """
    if len(lines) <= limit:
        return lines
    stretches = max(1, (limit - 2) // 3)
    keep = {0, len(lines) - 1}
    for i in range(stretches):
        stretch = range(i * len(lines) // stretches, (i + 1) * len(lines) // stretches)
        keep.add(min(stretch, key=lambda j: _height(lines[j], "loss")))
        keep.add(max(stretch, key=lambda j: _height(lines[j], "loss")))
        keep.add(max(stretch, key=lambda j: _height(lines[j], "grad_norm")))
    return tuple(lines[j] for j in sorted(keep))


def _height(line: Record, key: str) -> float:
    value = records.number(line, key)
    if value is None:
        return 0.0
    return value if math.isfinite(value) else math.inf


def columns(lines: tuple[Record, ...]) -> dict[str, list[float | None]]:
    """Lines as columns of rounded numbers; a hole, NaN or infinity is None."""
    keys = {k: None for line in lines for k in line if k not in LABELS}
    table = {k: [_rounded(records.finite(line, k)) for line in lines] for k in keys}
    return {k: v for k, v in table.items() if any(x is not None for x in v)}


def _rounded(value: float | None) -> float | None:
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.6g}")
