"""Tests `inception_jax/models/preprocess.py`: constants and order of colours."""

import jax.numpy as jnp
import numpy as np

from inception_jax import models
from inception_jax.models import preprocess

IMAGE = jnp.asarray(np.arange(12).reshape(1, 2, 2, 3), jnp.uint8)


def test_input_is_normalised():
    """0..255 becomes -1..1 for TF-slim's weights."""
    x = preprocess.as_input(IMAGE, models.create("inception_v3"))
    np.testing.assert_allclose(x, (np.asarray(IMAGE) - 127.5) / 127.5, rtol=1e-5)


def test_bgr():
    """Caffe's networks take blue first, with the means in that order of colours."""
    x = preprocess.as_input(IMAGE, models.create("bn_inception", dialect="cadene"))
    want = (np.asarray(IMAGE, np.float64) - (128, 117, 104))[..., ::-1]
    np.testing.assert_allclose(x, want, rtol=1e-4)
