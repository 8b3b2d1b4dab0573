"""Tests `inception_jax/models/lowering/repeat.py`: a row of several blocks."""

import jax
import jax.numpy as jnp

from inception_jax.models.lowering.repeat import repeat
from tests.tiny import Added, TinyResidual


def test_names():
    """Several blocks are numbered from 1 below the row; one block is the row itself."""
    model = TinyResidual()
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3))))
    assert sorted(shapes["params"]["block"]) == ["1", "2"]
    assert "up" in shapes["params"]["last"]


def test_marks():
    """The row knows its number of modules: of several each is recomputed by itself."""
    assert [repeat(Added, n, scale=1.0).__dict__["modules"] for n in (1, 2)] == [1, 2]
