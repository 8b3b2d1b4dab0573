"""The mean and the deviation of each channel over all pixels of a split: whole numbers exactly."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from inception_jax.config import sections
from inception_jax.data import readers
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Box, Picture
from inception_jax.data.sources.bad_images import check_tolerated
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.progress import Progress

CHUNK = 32  # images a thread reads at a time
BLOCK = 2**20  # pixels; 2^20 squares of 16-bit numbers add up to less than 2^53, exact in float64
DIGITS = 6  # of the result, which a config holds


class PixelSums(NamedTuple):
    """The sums over the pixels of an image.

    Attributes:
        count: of the pixels.
        total: of each channel's numbers, float64 [c].
        squares: of their squares, float64 [c].
        whole: whether the numbers are, so that the sums below 2^53 are exact in any order.
    """

    count: int
    total: np.ndarray
    squares: np.ndarray
    whole: bool


def sums(pixels: np.ndarray) -> PixelSums:
    """The sums of an image [h, w, c]."""
    flat = pixels.reshape(-1, pixels.shape[2])
    total, squares = np.zeros((2, flat.shape[1]))
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK].astype(np.float64)
        total += np.ones(len(block)) @ block
        squares += np.einsum("nc,nc->c", block, block)
    return PixelSums(len(flat), total, squares, pixels.dtype.kind in "ui")


class ChannelStatistics:
    """The mean and the deviation of each channel, from the sums of images in order.

    Sums of whole numbers are Python's, which do not overflow; those of floats are float64.
    """

    def __init__(self) -> None:
        self._count, self._total, self._squares = 0, list[Any](), list[Any]()

    def add(self, image: PixelSums) -> None:
        """Add an image."""
        number = int if image.whole else float
        self._count += image.count
        for mine, others in ((self._total, image.total), (self._squares, image.squares)):
            before = mine or [0] * len(others)
            mine[:] = [x + number(y) for x, y in zip(before, others.tolist(), strict=True)]

    def mean(self) -> tuple[float, ...]:
        """The mean of each channel, to six digits; empty without an image."""
        return tuple(_rounded(Fraction(x) / self._count) for x in self._total)

    def std(self) -> tuple[float, ...]:
        """The deviation of each channel, to six digits; 1 of a constant one, which stays finite."""
        n = self._count
        pairs = zip(self._total, self._squares, strict=True)
        variances = (Fraction(s) / n - (Fraction(t) / n) ** 2 for t, s in pairs)
        return tuple(_rounded(float(v) ** 0.5) if v > 0 else 1.0 for v in variances)

    def flags(self) -> str:
        """The words that give a config these numbers."""
        return f"--config.model.mean='{self.mean()}' --config.model.std='{self.std()}'"


def _rounded(x: Fraction | float) -> float:
    return float(f"{float(x):.{DIGITS}g}")


def needed(c: sections.Sections) -> bool:
    """Whether a run computes its own: its images are not RGB of 8 bits, and the config has none."""
    return not c.model.mean and (c.data.channels, c.data.dtype) != (3, "uint8")


def of_training(c: sections.Sections) -> ChannelStatistics:
    """Those of a config's training split; raises DataError as `measured`."""
    return measured(open_source(c.data, c.data.train_split), readers.of(c.data).threads)


def with_statistics(c: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    """A copy of a config with the mean and the deviation of each channel."""
    new = c.copy_and_resolve_references()
    with new.unlocked():
        new.model.mean, new.model.std = tuple(mean), tuple(std)
    return new


def measured(source: Source, threads: int = os.cpu_count() or 1) -> ChannelStatistics:
    """Read every image of a split once.

    Raises:
        DataError: more than 1% of the images are unreadable.
    """
    total, found, bad = len(source), ChannelStatistics(), dict[str, str]()

    def read(start: int) -> list[PixelSums | str]:
        return [_image(source, i) for i in range(start, min(start + CHUNK, total))]

    bar, done = Progress(total, label="mean and deviation of each channel"), 0
    with ThreadPoolExecutor(threads) as pool:
        for images in pool.map(read, range(0, total, CHUNK)):
            for index, image in enumerate(images, done):
                if isinstance(image, str):
                    bad[source.name(index)] = image
                else:
                    found.add(image)
            done += len(images)
            bar.update(done, {"unreadable": str(len(bad))})
    bar.close()
    check_tolerated(bad, total)
    return found


def _image(source: Source, index: int) -> PixelSums | str:
    """The sums of an image, or why it is unreadable."""
    try:
        return sums(whole(Picture(source.stored(index))))
    except BadImageError as e:
        return str(e)


def whole(picture: Picture) -> np.ndarray:
    """All pixels of an image, of a JPEG with more than 2^26 those of a reduced one."""
    return picture.inside(Box(0, 0, picture.height, picture.width))
