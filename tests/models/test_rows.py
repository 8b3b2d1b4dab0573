"""Tests `inception_jax/models/rows.py`: the functions that build a network's common rows."""

import jax.numpy as jnp

from inception_jax.models import rows
from inception_jax.models.pools import max_pool
from tests.models.small import small


def test_a_pool_takes_the_dialects_padding():
    """At 4 pixels torch's and TensorFlow's windows differ."""
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    build = rows.pooling(max_pool, 3, 2)
    got = {
        d: build(m := small("inception_v3", d), m.conv(False), x, "pool").ravel().tolist()
        for d in ("slim", "torchvision")
    }
    assert got == {"slim": [10, 11, 14, 15], "torchvision": [5, 7, 13, 15]}


def test_marks():
    """Convolutions and pools take a Preactivation; blocks do not."""
    assert rows.convolution(8).__dict__["defers"]
    assert rows.pooling(max_pool).__dict__["defers"]
    assert "defers" not in rows.block(small).__dict__
