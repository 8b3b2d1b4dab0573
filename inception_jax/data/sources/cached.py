"""A source kept in memory."""

import numpy as np

from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.source import Source


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
        """Class of image `index`; the source may have to read a file for it, once."""
        label = self._labels[index]
        if label is None:
            label = self._labels[index] = self._source.label(index)
        return label

    def stored(self, index: int) -> np.ndarray:
        """Pixels uint8 [h, w, 3]; decoded once (twice, if two threads race)."""
        pixels = self._images[index]
        if pixels is None:
            pixels = self._images[index] = Picture(self._source.stored(index)).whole()
        return pixels
