"""A source kept in memory."""

import functools
from typing import Any

from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.source import Source, left_out_of


class Cached:
    """A source that keeps every decoded image and label in memory (all of CIFAR-10 is 150 MB)."""

    def __init__(self, source: Source):
        self._source = source
        self.classes = source.classes
        self.name = source.name
        self.file = getattr(source, "file", source.name)
        self.stamp = getattr(source, "stamp", lambda index: "")
        self.left_out = left_out_of(source)
        self.labels, self.weights = (getattr(source, k, None) for k in ("labels", "weights"))
        self.targets = getattr(source, "targets", None)
        # An image is decoded once (twice, if two threads race).
        self.label = functools.cache(source.label)
        self.stored = functools.cache(lambda index: Picture(source.stored(index)).whole())

    def __reduce__(self) -> Any:
        return Cached, (self._source,)  # another process has its own cache

    def __len__(self) -> int:
        return len(self._source)
