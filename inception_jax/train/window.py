"""Training metrics between two lines of metrics.jsonl."""

from collections.abc import Mapping
from typing import Any


class Window:
    """Means of the steps since the last line, each over the steps that have the metric.

    Its `state` is saved with a checkpoint and given to the next process's, so that a resumed run
    writes the lines of an uninterrupted one.
    """

    def __init__(self, saved: Mapping[str, Any] | None = None):
        saved = saved or {"sums": {}, "counts": {}}
        self._sums: dict[str, float] = dict(saved["sums"])
        # Checkpoints of older versions have one count for all.
        same = dict.fromkeys(self._sums, saved.get("count", 0))
        self._counts: dict[str, int] = dict(saved.get("counts", same))

    def add(self, metrics: Mapping[str, float]) -> None:
        """Adds one step's metrics."""
        for key, value in metrics.items():
            self._sums[key] = self._sums.get(key, 0.0) + value
            self._counts[key] = self._counts.get(key, 0) + 1

    def means(self) -> dict[str, float]:
        """The mean of each metric."""
        return {key: total / self._counts[key] for key, total in self._sums.items()}

    def state(self) -> dict[str, Any]:
        """JSON values to save with a checkpoint."""
        return {"sums": self._sums, "counts": self._counts}
