"""The interface of a data set: images with labels, by index."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from inception_jax.data.images.picture import Stored
from inception_jax.data.sources.left_out import LeftOut


class Source(Protocol):
    """A split of a data set, with random access."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes, by label."""
        ...

    def __len__(self) -> int:
        """Number of images in the split."""
        ...

    def label(self, index: int) -> Any:
        """Class of image `index`, or its targets [t], without reading its pixels."""
        ...

    def stored(self, index: int) -> Stored:
        """Image `index` as it is stored: the bytes of a file, or pixels [h, w, c].

        Bytes are of an RGB image; pixels are uint8, or of the config's `data.dtype`.
        """
        ...

    def name(self, index: int) -> str:
        """Name of image `index` in messages: its path, or split and number."""
        ...


def left_out_of(source: Source) -> LeftOut:
    """What the listing of a source's files left out; nothing where there is none."""
    return getattr(source, "left_out", LeftOut())


def labels_of(source: Source) -> np.ndarray:
    """The classes of all images, int [n], without reading their pixels."""
    labels = getattr(source, "labels", None)
    return np.array([source.label(i) for i in range(len(source))]) if labels is None else labels


def file_of(source: Source, index: int) -> str:
    """The file name of image `index`: of its record where the set keeps one, else its name."""
    return getattr(source, "file", source.name)(index)
