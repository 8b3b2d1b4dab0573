"""The arrays of a weight file, by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

Arrays = Mapping[str, np.ndarray]


class Leaf(NamedTuple):
    """One array of a file, which `read` reads."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


class WeightFile(Mapping[str, np.ndarray]):
    """The arrays of a file, each read on access, so that memory never has all of them twice.

    Attributes:
        leaves: by name.
        layers: (path, class) of every layer in order, where the file states them (Keras).
    """

    def __init__(self, leaves: Mapping[str, Leaf], layers: Sequence[tuple[str, str]] = ()):
        self.leaves, self.layers = dict(leaves), list(layers)

    def __getitem__(self, name: str) -> np.ndarray:
        return plain(self.leaves[name].read())

    def __iter__(self) -> Iterator[str]:
        return iter(self.leaves)

    def __len__(self) -> int:
        return len(self.leaves)

    def renamed(self, names: Mapping[str, str]) -> "WeightFile":
        """The arrays `names` maps to, under its keys."""
        return WeightFile({new: self.leaves[old] for new, old in names.items()})


def in_memory(arrays: Mapping[str, Any], layers: Sequence[tuple[str, str]] = ()) -> WeightFile:
    """A file of arrays that are read already."""
    leaves = {k: Leaf(tuple(x.shape), partial(np.asarray, x)) for k, x in arrays.items()}
    return WeightFile(leaves, layers)


def plain(x: np.ndarray) -> np.ndarray:
    """`x` as numbers: NumPy and HDF5 store bfloat16 as two bytes without a meaning."""
    return x.view(ml_dtypes.bfloat16) if x.dtype.kind == "V" and x.dtype.itemsize == 2 else x
