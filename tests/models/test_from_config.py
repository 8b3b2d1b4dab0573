"""Tests `inception_jax/models/from_config.py`."""

import pytest

from inception_jax.errors import ConfigError
from inception_jax.models.from_config import build_model


def test_a_section_is_a_network():
    """Every key is a field of the network."""
    model = build_model({"name": "googlenet", "dialect": "slim", "width": 0.5, "num_classes": 7})
    assert (model.NAME, model.dialect, model.width, model.num_classes) == (
        "googlenet",
        "slim",
        0.5,
        7,
    )


def test_a_mistake_names_the_section():
    """The message says which flag to change."""
    with pytest.raises(ConfigError, match=r"--config.model: unknown dialect 'keras'"):
        build_model({"name": "googlenet", "dialect": "keras"})
