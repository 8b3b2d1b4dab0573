"""Statistics of a split: classes, sizes, formats, unreadable images."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from inception_jax.data.images.kind import ImageKind, misnamed
from inception_jax.data.sources.bad_images import reason_lines
from inception_jax.data.statistics import ChannelStatistics
from inception_jax.errors import shown

ENDS = 5  # smallest and largest classes listed
BARS, WIDTH = 8, 30  # of the histogram


class Survey:
    """Statistics of `total` images; 8 bytes of memory each."""

    def __init__(self, classes: Sequence[str], total: int):
        self.classes, self.total = classes, total
        self.counts = np.zeros(len(classes), np.int64)  # images by class, unreadable ones too
        self.formats: Counter[str] = Counter()
        self.misnamed: dict[str, str] = {}  # name -> the format of the file
        self.unreadable: dict[str, str] = {}  # name -> reason
        self.ends: dict[str, tuple[int, int, str]] = {}  # smallest, largest -> width, height, name
        self.channels = ChannelStatistics()  # of what was added to it
        self._sizes = np.zeros((total, 2), np.int32)  # width and height; 0 where unreadable

    def add(self, index: int, name: str, kind: ImageKind) -> None:
        """Count a readable image."""
        self.formats[kind.name] += 1
        self._sizes[index] = kind.width, kind.height
        if misnamed(kind.name, name):
            self.misnamed[name] = f"is {kind.name}"
        image = (kind.width, kind.height, name)
        for end, sign in (("smallest", 1), ("largest", -1)):
            width, height, _ = self.ends.get(end, (0, 0, ""))
            if not width or sign * (kind.width * kind.height - width * height) < 0:
                self.ends[end] = image

    def median(self) -> tuple[int, int] | None:
        """Median width and median height of the readable images; None without any."""
        sizes = self._sizes[self._sizes[:, 0] > 0]
        return (int(np.median(sizes[:, 0])), int(np.median(sizes[:, 1]))) if len(sizes) else None

    def json(self) -> dict[str, Any]:
        """The statistics as a JSON object."""
        order = np.argsort(self.counts, kind="stable")
        return {
            "images": self.total,
            "classes": len(self.classes),
            "images_per_class": {self.classes[i]: int(self.counts[i]) for i in order},
            "median_size": self.median(),
            **{f"{end}_image": image for end, image in self.ends.items()},
            "formats": dict(self.formats.most_common()),
            "misnamed": self.misnamed,
            "unreadable": self.unreadable,
            "channel_mean": self.channels.mean(),
            "channel_std": self.channels.std(),
        }

    def lines(self) -> Iterator[str]:
        """The statistics as lines of text."""
        yield f"{self.total:,} images of {len(self.classes):,} classes, all read"
        yield from self._class_lines()
        if median := self.median():
            ends = [f"{end} {w} x {h} ({shown(name)})" for end, (w, h, name) in self.ends.items()]
            yield f"sizes: median {median[0]} x {median[1]}, {', '.join(ends)}"
        yield "formats: " + ", ".join(f"{n} {count:,}" for n, count in self.formats.most_common())
        if mean := self.channels.mean():
            yield f"channels: mean {mean}, deviation {self.channels.std()}; a config takes them as"
            yield f"  {self.channels.flags()}"
        if self.misnamed:
            yield f"{len(self.misnamed)} with the suffix of another format"
            yield from reason_lines(self.misnamed)
        yield f"{len(self.unreadable)} unreadable"
        yield from reason_lines(self.unreadable)

    def _class_lines(self) -> Iterator[str]:
        order = np.argsort(self.counts, kind="stable")

        def row(indexes: np.ndarray) -> str:
            return ", ".join(f"{shown(self.classes[i])} ({self.counts[i]:,})" for i in indexes)

        empty = int((self.counts == 0).sum())
        yield f"images a class: median {np.median(self.counts):,.0f}; {empty} classes without any"
        if len(order) <= 2 * ENDS:
            yield f"  {row(order)}"
            return
        yield f"  smallest: {row(order[:ENDS])}"
        yield f"  largest: {row(order[::-1][:ENDS])}"
        yield from _histogram(self.counts)


def _histogram(counts: np.ndarray) -> Iterator[str]:
    """The classes by their number of images, as bars."""
    low, high = int(counts.min()), int(counts.max())
    step = -(-(high - low + 1) // BARS)
    for start in range(low, high + 1, step):
        end = min(start + step - 1, high)
        number = int(((counts >= start) & (counts <= end)).sum())
        bar = "█" * -(-number * WIDTH // len(counts))
        yield f"  {f'{start:,}':>7} to {f'{end:,}':<7} images: {bar} {number:,} classes"
