"""Tests of inception_jax.data.sources.cached."""

import numpy as np
import pytest

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.cached import Cached
from tests.data.pictures import Pictures


def test_cached_reads_once():
    """A cached source reads an image and its label once and forwards everything else."""
    plain = Pictures(5, bad=frozenset({3}))
    labels = []
    plain.label = lambda i: labels.append(i) or i % 2
    source = Cached(plain)
    for _ in range(3):
        np.testing.assert_array_equal(source.stored(2)[..., 0], 2)
        assert source.label(1) == 1 and source.label(2) == 0
    assert plain.read == [2] and labels == [1, 2]
    assert len(source) == 5 and source.classes == plain.classes and source.name(4) == "picture 4"
    for _ in range(2):
        with pytest.raises(BadImageError):
            source.stored(3)
