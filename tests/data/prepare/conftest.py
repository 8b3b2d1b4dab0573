"""Fixtures of the tests of prepared sets."""

import pytest

from tests.data.pictures import tree

SIZES = {"train": {"ant": 90, "bee": 41, "cow": 70}, "test": {"ant": 5, "cow": 2}}


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A folder of 208 PNGs of about 300 bytes."""
    return tree(tmp_path_factory.mktemp("folder"), SIZES)
