"""Fixtures of the tests of data."""

import pytest

from inception_jax.data.images import turbojpeg


@pytest.fixture
def turbojpeg_library():
    """The library, without which the tests that use this fixture would test nothing."""
    assert turbojpeg.library() is not None, "pip install turbojpeg, or libjpeg-turbo 3"
