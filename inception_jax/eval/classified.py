"""The measure of classification: accuracy, calibration, confusion, mistakes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inception_jax.eval import measure
from inception_jax.eval.measure import WrongPrediction
from inception_jax.eval.metrics import Sums, per_image


class Classified:
    """A `Measure` of log-probabilities.

    Attributes:
        sums: over the images, by which nothing but `worst` is kept of one.
    """

    def __init__(self, classes: int):
        self.sums, self.worst = Sums(classes), list[WrongPrediction]()

    @property
    def count(self) -> int:
        """Images added."""
        return self.sums.count

    def add(self, index: np.ndarray, label: np.ndarray, outputs: np.ndarray) -> None:
        """Add images [b] by their log-probabilities [b, classes]."""
        image = per_image(outputs, label)
        self.sums.add(image, label)
        wrong = image["rank"] > 0
        columns = (image["confidence"], index, label, image["prediction"])
        new = map(WrongPrediction, *(column[wrong].tolist() for column in columns))
        self.worst = measure.merged(self.worst, list(new))

    def compute(self) -> dict[str, Any]:
        """count, loss, top1, top5 and ece."""
        return self.sums.compute()

    def details(self, names: Sequence[str]) -> dict[str, Any]:
        """Accuracy by class, confusion, calibration."""
        return {
            "per_class": self.sums.per_class(),
            "confusion": self.sums.confusion.tolist(),
            "calibration": self.sums.reliability(),
        }
