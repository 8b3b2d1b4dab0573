"""Curves: metrics.jsonl as columns per split, thinned to a size that a browser can draw."""

import itertools
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from inception_jax.report import monitors, records
from inception_jax.report.records import Lines, Record
from inception_jax.train.monitors import SPLIT
from inception_jax.workdir import jsonl

LABELS = frozenset({"split", "weights"})
MAX_LINES = 3000
BRIEF_LINES = 200  # of training, where thousands of runs are compared
# Of every line: the numbers by which lines are chosen, a median; and for a line that has none.
INDEXED = {"loss": 0.0, "grad_norm": 0.0, "images_per_s": math.nan}


@dataclass(frozen=True)
class Curve:
    """The lines of one split (and one kind of weights), sorted by step, without repeated steps.

    Attributes:
        columns: numbers by key, NaN where a line has none; of at most `MAX_LINES` lines.
        count: number of all lines.
        newest: the last line.
        images_per_s: the median of all lines; the mean would depend on compilation and evaluation.
    """

    split: str
    weights: str | None
    columns: Mapping[str, np.ndarray]
    count: int
    newest: Record
    images_per_s: float | None = None

    @property
    def label(self) -> str:
        """Label in the legend: `train`, `test` or `test (ema)`."""
        return f"{self.split} ({self.weights})" if self.weights else self.split

    def thinned(self, limit: int) -> "Curve":
        """The curve with at most `limit` lines."""
        none = np.zeros(len(self.columns["step"]))
        loss, grad_norm = (self.columns.get(key, none) for key in ("loss", "grad_norm"))
        rows = thin(loss, grad_norm, limit)
        return replace(self, columns={key: column[rows] for key, column in self.columns.items()})


class Metrics(NamedTuple):
    """The content of metrics.jsonl: curves, monitors, and the times of all lines, sorted."""

    curves: list[Curve]
    heat_maps: list[dict[str, Any]]
    monitor_warnings: list[str]
    times: np.ndarray


def read(path: Path, notes: list[str], only: str = "") -> Metrics:
    """Read metrics.jsonl: `train` first, other curves in order of appearance.

    With `only`, training's curve is short, those of other splits have their newest line alone, and
    monitors none.

    The file may have millions of lines: 40 bytes of each are kept, then the lines to draw are read
    again. A resumed run repeats steps; the last line of each (split, weights, step) counts. `notes`
    receives notes about damaged lines, and about a loss that is not finite.
    """
    times, indexes = array("d"), dict[tuple[str, str | None], _Index]()
    with jsonl.opened(path) as file:
        for start, line in records.good_lines(file, path.name, notes, jsonl.METRICS):
            times.append(line["time"])
            weights = line.get("weights")
            key = line["split"], str(weights) if weights else None
            if (index := indexes.get(key)) is None:
                index = indexes[key] = _Index()
            index.add(start, line)
        watched = [indexes.pop(key) for key in list(indexes) if key[0] == SPLIT]
        lines = Lines(file, watched[0].starts(watched[0].by_step())) if watched and not only else []
        curves = [
            index.curve(file, *key, notes, _most_lines(key[0], only))
            for key, index in indexes.items()
        ]
        curves.sort(key=lambda c: c.split != "train")
        # Repeated steps included: they show that a process was alive.
        alive = np.sort(np.frombuffer(times)) if times else np.empty(0)
        return Metrics(curves, monitors.heat_maps(lines), monitors.warnings(lines), alive)


class _Index:
    """Where the lines of one curve are in the file, and what chooses those to draw."""

    def __init__(self):
        self._starts, self._steps = array("q"), array("q")
        self._columns = {key: array("d") for key in INDEXED}

    def add(self, start: int, line: Record) -> None:
        """Add a line."""
        self._starts.append(start)
        self._steps.append(line["step"])
        for key, column in self._columns.items():
            value = line.get(key)
            column.append(value if isinstance(value, float | int) else INDEXED[key])

    def by_step(self) -> np.ndarray:
        """The lines in the order of their steps; of a repeated step the last."""
        steps = np.array(self._steps)
        order = np.argsort(steps, kind="stable")
        steps, last = steps[order], np.ones(len(order), bool)
        last[:-1] = steps[1:] != steps[:-1]
        return order[last]

    def starts(self, rows: np.ndarray) -> list[int]:
        """The positions of lines in the file."""
        return np.array(self._starts)[rows].tolist()

    def curve(
        self, file: BinaryIO, split: str, weights: str | None, notes: list[str], most: int
    ) -> Curve:
        """The curve, of at most `most` lines of the file; with `most=1`, of the last one."""
        order = self.by_step()
        loss, grad_norm, rates = (np.array(self._columns[key])[order] for key in INDEXED)
        rates = rates[np.isfinite(rates)] if most == MAX_LINES else ()
        rows = order[thin(loss, grad_norm, most)] if most > 1 else order[-1:]
        lines = list(Lines(file, self.starts(rows)))
        keys = dict.fromkeys(k for line in lines for k in line if k not in LABELS)
        curve = Curve(
            split, weights, {k: np.array([_number(x, k) for x in lines], float) for k in keys},
            len(order), lines[-1], float(np.median(rates)) if len(rates) else None,
        )  # fmt: skip
        bad = np.flatnonzero(~np.isfinite(loss))
        if len(bad):
            step = self._steps[order[bad[0]]]
            later = f" and {len(bad) - 1:,} later lines" if len(bad) > 1 else ""
            notes.append(f"the {curve.label} loss is not finite at step {step:,}{later}")
        return curve


def _most_lines(split: str, only: str) -> int:
    if only in ("", split):
        return MAX_LINES
    return BRIEF_LINES if split == "train" else 1


def thin(loss: np.ndarray, grad_norm: np.ndarray, limit: int = MAX_LINES) -> np.ndarray:
    """Select at most `limit` lines that include both ends and every spike.

    From each interval it selects the lines with the smallest loss, the largest loss and the largest
    gradient norm; a value that is not finite counts as the largest.
    """
    if len(loss) <= limit:
        return np.arange(len(loss))
    loss, grad_norm = (np.where(np.isfinite(x), x, np.inf) for x in (loss, grad_norm))
    intervals = max(1, (limit - 2) // 3)
    edges = np.arange(intervals + 1) * len(loss) // intervals
    selected = {0, len(loss) - 1}
    for a, b in itertools.pairwise(edges.tolist()):
        found = loss[a:b].argmin(), loss[a:b].argmax(), grad_norm[a:b].argmax()
        selected.update(a + int(i) for i in found)
    return np.array(sorted(selected))


def columns(curve: Curve) -> dict[str, list[float | None]]:
    """The columns as JSON: rounded numbers; missing values, NaN and infinities are None."""
    shown = {k: v for k, v in curve.columns.items() if k != "time" and np.isfinite(v).any()}
    return {key: [_rounded(value) for value in column.tolist()] for key, column in shown.items()}


def _number(line: Record, key: str) -> float:
    value = records.number(line, key)
    return math.nan if value is None else value


def _rounded(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.6g}")
