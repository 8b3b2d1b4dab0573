"""Tests of inception_jax.data.sources.source."""

from inception_jax.data.sources.cached import Cached
from inception_jax.data.sources.source import file_of
from tests.data.pictures import Pictures


def test_file_of():
    """`file` where a source has it, also behind a cache; else the image's name."""

    class Records(Pictures):
        def file(self, index):
            return f"photo_{index}.jpg"

    for source in (Records(3), Cached(Records(3))):
        assert file_of(source, 2) == "photo_2.jpg"
    for source in (Pictures(3), Cached(Pictures(3))):
        assert file_of(source, 2) == "picture 2"
