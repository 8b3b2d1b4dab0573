"""The unreadable images of a split; more than 1% of them end a run."""

import threading

from inception_jax.data.sources.source import Source
from inception_jax.errors import DataError

TOLERATED = 0.01  # share of unreadable images above which a run ends


class BadImages:
    """Unreadable images of one split, by name.

    Shared by the reading threads. An image counts once however often it is read.
    """

    def __init__(self, source: Source):
        self._source = source
        self._lock = threading.Lock()
        self.reasons: dict[str, str] = {}
        self._drained = 0

    def drain_stats(self) -> dict[str, str]:
        """The images registered since the last call, and why."""
        with self._lock:
            fresh = dict(list(self.reasons.items())[self._drained :])
            self._drained = len(self.reasons)
            return fresh

    def merge_stats(self, reasons: dict[str, str]) -> None:
        """Register images that another process could not read; raises as `add`."""
        with self._lock:
            self.reasons |= reasons
            check_tolerated(self.reasons, len(self._source))

    def add(self, index: int, error: Exception) -> None:
        """Register image `index`.

        Raises:
            DataError: more than 1% of the split is unreadable.
        """
        with self._lock:
            self.reasons[self._source.name(index)] = str(error)
            check_tolerated(self.reasons, len(self._source))


def check_tolerated(reasons: dict[str, str], total: int, max_named: int = 10) -> None:
    """End the run if more than 1% of `total` images are unreadable.

    Args:
        reasons: why each unreadable image is, by name.
        total: images of the split.
        max_named: images that the message names.

    Raises:
        DataError: more than 1% are unreadable.
    """
    if len(reasons) > TOLERATED * total:
        named = "\n".join(f"  {n}: {r}" for n, r in list(reasons.items())[:max_named])
        more = f"\n  and {len(reasons) - max_named} more" if len(reasons) > max_named else ""
        raise DataError(
            f"{len(reasons)} of {total} images are unreadable, at most {TOLERATED:.0%} is "
            f"tolerated:\n{named}{more}\nRepair or remove them, then run the same command again."
        )
