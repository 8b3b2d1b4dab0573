"""What an evaluation measures: metrics of a split's outputs, by task, and its worst images."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

MISTAKES = 48  # images that are shown


class WrongPrediction(NamedTuple):
    """An image that was not predicted right.

    Attributes:
        confidence: of the wrong class, or how far off the value is, in deviations of the target.
        label: the class, or the value.
        prediction: the other class, or the predicted value.
    """

    confidence: float
    index: int
    label: Any
    prediction: Any


class Measure(Protocol):
    """The metrics of a task, of images that are added in any order.

    Attributes:
        count: images added.
        worst: at most `MISTAKES`, the most confident first, equal ones by index.
    """

    @property
    def count(self) -> int: ...  # noqa: D102

    worst: list[WrongPrediction]

    def add(self, index: np.ndarray, label: np.ndarray, outputs: np.ndarray) -> None:
        """Add images [b]: their classes [b] or targets [b, t], and outputs [b, n]."""
        ...

    def compute(self) -> dict[str, Any]:
        """`count` and the metrics, by their keys in metrics.jsonl."""
        ...

    def details(self, names: Sequence[str]) -> dict[str, Any]:
        """More for eval/<split>.json, which the report shows; `names` are those of the outputs."""
        ...


def merged(worst: Sequence[WrongPrediction], new: Sequence[WrongPrediction]) -> Any:
    """The `MISTAKES` most confident ones, whatever the order in which they came."""
    return sorted([*worst, *new], key=lambda m: (-m.confidence, m.index))[:MISTAKES]
