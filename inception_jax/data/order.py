"""The training order: a pure function of the seed and the position."""

import functools

import numpy as np


def example_at(position: int, count: int, seed: int) -> int:
    """Index of the example at `position` of the infinite training order.

    Each epoch is another permutation of the `count` examples.
    """
    epoch, offset = divmod(position, count)
    return int(_epoch(count, seed, epoch)[offset])


def stream(seed: int, position: int) -> np.random.Generator:
    """The random generator of one position: a pure function of the seed and the position."""
    return np.random.Generator(np.random.Philox(key=[seed, position]))


@functools.lru_cache(maxsize=4)  # threads read from two epochs at a boundary
def _epoch(count: int, seed: int, epoch: int) -> np.ndarray:
    """The permutation of an epoch: 30 ms and 5 MB for ImageNet's 1,281,167."""
    key = np.random.SeedSequence([seed, epoch])
    return np.random.default_rng(key).permutation(np.arange(count, dtype=np.int32))
