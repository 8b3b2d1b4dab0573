"""The unreadable images of a split; more than 1% of them end a run."""

import threading
from collections.abc import Iterator, Mapping
from itertools import islice

from inception_jax.data.sources.source import Source
from inception_jax.errors import DataError, shown

TOLERATED = 0.01  # share of unreadable images above which a run ends


class BadImages:
    """Unreadable images of one split, by name; shared by threads.

    An image counts once however often it is read.
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

    def merge_stats(self, reasons: Mapping[str, str]) -> None:
        """Register images, here or in another process; raises as `check_tolerated`."""
        with self._lock:
            self.reasons |= reasons
            check_tolerated(self.reasons, len(self._source))

    def add(self, index: int, error: Exception) -> None:
        """Register image `index`; raises as `check_tolerated`."""
        self.merge_stats({self._source.name(index): str(error)})


def check_tolerated(reasons: Mapping[str, str], total: int, advice: str = "") -> None:
    """Raise a DataError, which ends with `advice`, if more than 1% of `total` images are bad."""
    if len(reasons) > TOLERATED * total:
        named = "\n".join(reason_lines(reasons, 10))
        raise DataError(
            f"{len(reasons)} of {total} images are unreadable, at most {TOLERATED:.0%} is "
            f"tolerated:\n{named}\nRepair or remove them, then run the same command again.{advice}"
        )


def reason_lines(reasons: Mapping[str, str], max_named: int = 100) -> Iterator[str]:
    """A line for each of the first images, and the number of the others."""
    first = islice(reasons.items(), max_named)
    yield from (f"  {shown(name)}: {shown(reason)}" for name, reason in first)
    if len(reasons) > max_named:
        yield f"  and {len(reasons) - max_named} more"
