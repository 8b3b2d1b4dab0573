"""The measure of multi-label classification: average precision, AUROC and F1."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from inception_jax.eval.measure import WrongPrediction

COLUMNS = ("images", "AP", "AUROC", "F1")  # of the table by class
Scores = Float[np.ndarray, " n"]


class MultiLabel:
    """A `Measure` of logits; rank metrics need all of a split, which stay on the host.

    Average precision and AUROC are means over the classes that have one (an image with the label,
    of AUROC also one without), F1 (of probabilities from 0.5 on) over all. `micro` takes all pairs
    of image and class together. All as scikit-learn's.
    """

    def __init__(self, classes: int):
        self._classes, self.worst = classes, list[WrongPrediction]()
        self._index, self._labels, self._logits = ([] for _ in range(3))

    @property
    def count(self) -> int:
        """Images added."""
        return sum(map(len, self._index))

    def add(self, index: np.ndarray, label: np.ndarray, outputs: np.ndarray) -> None:
        """Add images [b] by their labels, 0 or 1, and logits, both [b, classes]."""
        self._index.append(index)
        self._labels.append(label > 0.5)
        self._logits.append(outputs)

    def compute(self) -> dict[str, Any]:
        """count, loss (binary cross-entropy, mean over classes), and the metrics."""
        labels, logits = self._split()
        if not len(labels):
            return {"count": 0, "loss": 0.0}
        rows = self._rows(labels, logits)
        flat = labels.ravel(), logits.ravel()
        exact = logits.astype(np.float64)
        loss = np.maximum(exact, 0) - exact * labels + np.log1p(np.exp(-np.abs(exact)))
        found = {
            "map": _mean(rows[:, 1]), "map_micro": average_precision(*flat),
            "auroc": _mean(rows[:, 2]), "auroc_micro": auroc(*flat),
            "f1": _mean(rows[:, 3]), "f1_micro": f1(*flat),
        }  # fmt: skip
        known = {key: float(value) for key, value in found.items() if np.isfinite(value)}
        return {"count": len(labels), "loss": float(loss.mean()), **known}

    def details(self, names: Sequence[str]) -> dict[str, Any]:
        """The table by class: images with the label, AP, AUROC and F1; None where undefined."""
        rows = self._rows(*self._split())
        values = [[None if np.isnan(v) else v for v in row] for row in rows.tolist()]
        return {
            "table": {
                "title": "By class", "columns": COLUMNS, "names": list(names),
                "rows": [[int(n or 0), *rest] for n, *rest in values],
            }
        }  # fmt: skip

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels and logits [n, classes] of all images by index, whatever their batches."""
        if not self._index:
            return np.zeros((0, self._classes), bool), np.zeros((0, self._classes), np.float32)
        order = np.argsort(np.concatenate(self._index), kind="stable")
        return np.concatenate(self._labels)[order], np.concatenate(self._logits)[order]

    def _rows(self, labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Images, AP, AUROC and F1 of each class [classes, 4]; NaN where undefined."""
        each = zip(labels.T, logits.T, strict=True)
        rows = [
            (own.sum(), average_precision(own, x), auroc(own, x), f1(own, x)) for own, x in each
        ]
        return np.array(rows, np.float64).reshape(-1, 4)


def average_precision(labels: np.ndarray, scores: Scores) -> float:
    """The sum of precision times the rise of recall, from the highest score down; ties together.

    NaN without an image that has the label.
    """
    if not labels.any():
        return np.nan
    hits, seen = _thresholds(labels, scores)
    precision, recall = hits / seen, hits / hits[-1]
    return float((precision * np.diff(recall, prepend=0)).sum())


def auroc(labels: np.ndarray, scores: Scores) -> float:
    """The probability that an image with the label has a higher score than one without.

    Ties count half. NaN if there are not both.
    """
    positive = int(labels.sum())
    negative = len(labels) - positive
    if not positive or not negative:
        return np.nan
    hits, seen = _thresholds(labels, scores)
    misses = np.concatenate([[0], seen - hits])
    heights = np.concatenate([[0], hits])
    area = (np.diff(misses) * (heights[1:] + heights[:-1]) / 2).sum()
    return float(area / (positive * negative))


def f1(labels: np.ndarray, logits: Scores) -> float:
    """2 tp / (2 tp + fp + fn) of probabilities from 0.5 on; 0 where nothing is or is predicted."""
    predicted = logits >= 0
    right = int((labels & predicted).sum())
    both = int(labels.sum()) + int(predicted.sum())
    return 2 * right / both if both else 0.0


def _thresholds(labels: np.ndarray, scores: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Images with the label, and all, whose score is at least each distinct one, falling."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    return np.cumsum(labels[order])[last], last + 1


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
