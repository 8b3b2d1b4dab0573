"""A source of RGB images, read as grey ones."""

from typing import Any

import numpy as np

from inception_jax.data.images import channels
from inception_jax.data.sources.source import Source, left_out_of


class Grey:
    """The images of another source as one channel of `dtype`: its files' own, or their luma."""

    def __init__(self, source: Source, dtype: str):
        self._opened = source, dtype
        self._source, self._dtype = source, dtype
        self.classes, self.label, self.name = source.classes, source.label, source.name
        self.file = getattr(source, "file", source.name)
        self.stamp = getattr(source, "stamp", lambda index: "")
        self.left_out = left_out_of(source)

    def __reduce__(self) -> Any:
        return Grey, self._opened

    def __len__(self) -> int:
        return len(self._source)

    def stored(self, index: int) -> np.ndarray:
        """Pixels [h, w, 1]; raises BadImageError."""
        stored = self._source.stored(index)
        grey = channels.grey(stored) if isinstance(stored, bytes) else channels.luma(stored)
        return channels.checked(grey, 1, self._dtype)
