"""Training metrics between two lines of metrics.jsonl."""

from collections.abc import Mapping
from typing import Any


class Window:
    """Means of the steps since the last line.

    Saved with a checkpoint, so that a resumed run writes the lines of an uninterrupted one.

    Args:
        saved: what `state` gave; None for an empty window.
    """

    def __init__(self, saved: Mapping[str, Any] | None = None):
        self._sums: dict[str, float] = dict((saved or {}).get("sums", {}))
        self._count: int = (saved or {}).get("count", 0)

    def add(self, metrics: Mapping[str, float]) -> None:
        """Adds one step's metrics."""
        for key, value in metrics.items():
            self._sums[key] = self._sums.get(key, 0.0) + value
        self._count += 1

    def means(self) -> dict[str, float]:
        """The mean of each metric."""
        return {key: total / self._count for key, total in self._sums.items()}

    def state(self) -> dict[str, Any]:
        """JSON values to save with a checkpoint."""
        return {"sums": self._sums, "count": self._count}
