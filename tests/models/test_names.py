"""Tests `inception_jax/models/names.py`."""

import pytest

from inception_jax.models.names import known


def test_the_nearest_name_is_suggested():
    """An unknown name is refused with the choices and the nearest; a known one is returned."""
    assert known("stem", "small", ("paper", "small")) == "small"
    with pytest.raises(ValueError, match="unknown stem 'smal', expected one of paper, small"):
        known("stem", "smal", ("paper", "small"))
    with pytest.raises(ValueError, match="did you mean 'small'"):
        known("stem", "smal", ("paper", "small"))
