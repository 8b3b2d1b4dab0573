"""Tests of inception_jax.data.sources.open."""

import pytest

from inception_jax.data.sources.cached import Cached
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.open import open_source
from tests.data.pictures import settings


@pytest.mark.parametrize("cache", [False, True])
def test_open_source_follows_the_config(cache):
    """The config's `source` chooses the class, `cache` whether it is kept in memory."""
    source = open_source(settings(source="digits", cache=cache), "test")
    assert isinstance(source, Cached if cache else Digits) and len(source) == 360
