"""Tests of inception_jax.data.sources.source and open_source."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.bad_images import BadImages
from inception_jax.data.sources.cached import Cached
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.open import open_source
from inception_jax.errors import DataError
from tests.data.pictures import Pictures, settings


def test_one_percent_is_tolerated_and_no_more():
    """Of 300 images three may be unreadable; the fourth ends the run, and all four are named."""
    bad = BadImages(Pictures(300))
    for i in (7, 8, 9):
        bad.add(i, BadImageError("torn"))
    with pytest.raises(DataError, match="4 of 300") as caught:
        bad.add(10, BadImageError("torn"))
    assert all(f"picture {i}: torn" in str(caught.value) for i in (7, 8, 9, 10))


def test_an_image_counts_once():
    """The same image met in every epoch, by any thread, is one bad image."""
    bad = BadImages(Pictures(100))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bad.add(5, BadImageError("torn")), range(100)))
    assert bad.reasons == {"picture 5": "torn"}


def test_a_small_set_tolerates_none():
    """One bad image of 99 is above 1%."""
    with pytest.raises(DataError, match="1 of 99"):
        BadImages(Pictures(99)).add(0, BadImageError("torn"))


def test_a_long_list_is_cut():
    """The message names ten images and counts the rest."""
    bad = BadImages(Pictures(1100))
    for i in range(11):
        bad.add(i, BadImageError("torn"))
    with pytest.raises(DataError, match="and 2 more"):
        bad.add(11, BadImageError("torn"))


def test_cached_reads_once():
    """A cached source reads an image and its label once and passes everything else on."""
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


@pytest.mark.parametrize("cache", [False, True])
def test_open_source_follows_the_config(cache):
    """The config's `source` chooses the class, `cache` whether it is kept in memory."""
    source = open_source(settings(source="digits", cache=cache), "test")
    assert isinstance(source, Cached if cache else Digits) and len(source) == 360
