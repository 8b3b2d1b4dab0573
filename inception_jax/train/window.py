"""Training metrics between two written lines."""

import time
from typing import Any


class Window:
    """Means of the steps since the last written line.

    Saved with a checkpoint, so that a resumed run writes the lines of an undisturbed one.
    """

    def __init__(self, saved: dict[str, Any] | None = None):
        self.sums: dict[str, float] = dict((saved or {}).get("sums", {}))
        self.count: int = (saved or {}).get("count", 0)
        self.clock, self.waited, self.timed = time.monotonic(), 0.0, 0

    def add(self, metrics: dict[str, float], waited: float) -> None:
        """Adds one step's metrics and the seconds it waited for its batch."""
        for key, value in metrics.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
        self.count, self.timed, self.waited = self.count + 1, self.timed + 1, self.waited + waited

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"sums": self.sums, "count": self.count}

    def means(self) -> dict[str, float]:
        """The means, lr excepted: that is the last step's."""
        return {k: v / self.count for k, v in self.sums.items()}

    def speed(self, batch_size: int) -> dict[str, float]:
        """Images a second, and the share of the time spent waiting for input."""
        seconds = max(time.monotonic() - self.clock, 1e-9)
        return {
            "images_per_s": self.timed * batch_size / seconds,
            "input_wait": min(self.waited / seconds, 1.0),
        }
