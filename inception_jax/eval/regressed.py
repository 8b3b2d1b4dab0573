"""The measure of regression: MAE, RMSE and R2, in the units of the targets."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inception_jax.config import sections
from inception_jax.eval import measure
from inception_jax.eval.measure import WrongPrediction
from inception_jax.workdir.target_scale import TargetScale

COLUMNS = ("MAE", "RMSE", "R2", "mean", "deviation")  # of the table by target
POINTS = 2000  # of a target in the report


class Regressed:
    """A `Measure` of standardised values; the targets that are added have their own units.

    Metrics of several targets are the means of each one's, as scikit-learn's `uniform_average`.
    """

    def __init__(self, scale: TargetScale, loss: sections.Loss):
        self._scale, self._loss, self.worst = scale, loss, list[WrongPrediction]()
        self._index, self._true, self._predicted = ([] for _ in range(3))

    @property
    def count(self) -> int:
        """Images added."""
        return sum(map(len, self._index))

    def add(self, index: np.ndarray, label: np.ndarray, outputs: np.ndarray) -> None:
        """Add images [b] by their targets and outputs, both [b, t]."""
        predicted = self._scale.original(outputs)
        self._index.append(index)
        self._true.append(label)
        self._predicted.append(predicted)
        off = np.abs((predicted - label) / self._scale.std)
        worst = off.argmax(axis=1)
        rows = zip(index.tolist(), worst.tolist(), label, predicted, off, strict=True)
        new = [WrongPrediction(float(o[t]), i, float(y[t]), float(p[t])) for i, t, y, p, o in rows]
        self.worst = measure.merged(self.worst, new)

    def compute(self) -> dict[str, Any]:
        """count, loss (of standardised targets), r2, rmse and mae."""
        true, predicted = self._split()
        if not len(true):
            return {"count": 0, "loss": 0.0}
        mae, rmse, r2 = by_target(true, predicted)
        errors = (predicted - true) / self._scale.std
        found = {"r2": r2.mean(), "rmse": rmse.mean(), "mae": mae.mean()}
        return {
            "count": len(true),
            "loss": float(standard_loss(errors, self._loss).mean()),
            **{key: float(value) for key, value in found.items() if np.isfinite(value)},
        }

    def details(self, names: Sequence[str]) -> dict[str, Any]:
        """The table by target, and points of true and predicted values, evenly chosen."""
        true, predicted = self._split()
        columns = [*by_target(true, predicted), true.mean(axis=0), true.std(axis=0)]
        chosen = np.unique(np.linspace(0, len(true) - 1, min(len(true), POINTS)).astype(int))
        pairs = np.stack([true[chosen], predicted[chosen]], axis=-1)
        return {
            "table": {
                "title": "By target", "columns": COLUMNS, "names": list(names),
                "rows": [[v if np.isfinite(v) else None for v in row]
                         for row in np.stack(columns, axis=1).tolist()],
            },
            "scatter": [
                {"name": name, "points": pairs[:, t].tolist()} for t, name in enumerate(names)
            ],
        }  # fmt: skip

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Targets and predictions [n, t] of all images by index, whatever their batches."""
        if not self._index:
            none = np.zeros((0, len(self._scale.mean)))
            return none, none
        order = np.argsort(np.concatenate(self._index), kind="stable")
        return np.concatenate(self._true)[order], np.concatenate(self._predicted)[order]


def by_target(true: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MAE, RMSE and R2 of each target [t]; R2 is NaN where the targets do not vary."""
    errors = predicted - true
    squares = (errors**2).sum(axis=0)
    spread = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(spread > 0, 1 - squares / spread, np.nan)
    return np.abs(errors).mean(axis=0), np.sqrt(squares / len(true)), r2


def standard_loss(errors: np.ndarray, loss: sections.Loss) -> np.ndarray:
    """The loss of each standardised error, as in training (`train/losses.py`)."""
    size = np.abs(errors)
    if loss.name == "absolute_error":
        return size
    if loss.name == "huber":
        return np.where(size <= loss.delta, size**2 / 2, loss.delta * (size - loss.delta / 2))
    return errors**2
