"""What a data set is to the rest: indexed pictures with labels; which of them are unreadable."""

import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from inception_jax.data.images.picture import Picture, Stored
from inception_jax.errors import DataError

TOLERATED = 0.01  # share of unreadable images above which a run ends


class Source(Protocol):
    """A split of a data set, with random access."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes, by label."""
        ...

    def __len__(self) -> int:
        """Number of images in the split."""
        ...

    def label(self, index: int) -> int:
        """Class of image `index`, without reading its pixels."""
        ...

    def stored(self, index: int) -> Stored:
        """Image `index` as it is stored: the bytes of a file, or pixels uint8 [h, w, 3], RGB."""
        ...

    def name(self, index: int) -> str:
        """What a person would call image `index`: its path, or split and number."""
        ...


def file_of(source: Source, index: int) -> str:
    """The name of the file that image `index` was; `Tfds` knows it beside its own name."""
    return getattr(source, "file", source.name)(index)


class BadImages:
    """Unreadable images of one split, by name; too many of them end the run.

    Shared by the reading threads. A bad image is counted once however often it is met.
    """

    def __init__(self, source: Source):
        self._source = source
        self._lock = threading.Lock()
        self.reasons: dict[str, str] = {}
        self._told = 0

    def drain_stats(self) -> dict[str, str]:
        """Those of which the last call did not know."""
        with self._lock:
            fresh = dict(list(self.reasons.items())[self._told :])
            self._told = len(self.reasons)
            return fresh

    def merge_stats(self, reasons: dict[str, str]) -> None:
        """Registers images that another process could not read; raises as `add`."""
        with self._lock:
            self.reasons |= reasons
            refuse(self.reasons, len(self._source))

    def add(self, index: int, error: Exception) -> None:
        """Registers image `index`.

        Raises:
            DataError: more than 1% of the split is unreadable.
        """
        with self._lock:
            self.reasons[self._source.name(index)] = str(error)
            refuse(self.reasons, len(self._source))


def refuse(reasons: dict[str, str], total: int, most: int = 10) -> None:
    """Ends the run when more than 1% of `total` images are unreadable; names the first `most`.

    Raises:
        DataError: more than 1% are.
    """
    if len(reasons) > TOLERATED * total:
        named = "\n".join(f"  {n}: {r}" for n, r in list(reasons.items())[:most])
        more = f"\n  and {len(reasons) - most} more" if len(reasons) > most else ""
        raise DataError(
            f"{len(reasons)} of {total} images are unreadable, at most {TOLERATED:.0%} is "
            f"tolerated:\n{named}{more}\nRepair or remove them, then run the same command again."
        )


class Cached:
    """A source that keeps every decoded image and label in memory (all of CIFAR-10 is 150 MB)."""

    def __init__(self, source: Source):
        self._source = source
        self._images: list[np.ndarray | None] = [None] * len(source)
        self._labels: list[int | None] = [None] * len(source)
        self.classes = source.classes
        self.name = source.name
        self.file = getattr(source, "file", source.name)

    def __len__(self) -> int:
        return len(self._source)

    def label(self, index: int) -> int:
        """As the source's, which may have to read a file for it."""
        label = self._labels[index]
        if label is None:
            label = self._labels[index] = self._source.label(index)
        return label

    def stored(self, index: int) -> np.ndarray:
        """The pixels; decoded at most once (twice, if two threads race)."""
        pixels = self._images[index]
        if pixels is None:
            pixels = self._images[index] = Picture(self._source.stored(index)).whole()
        return pixels
