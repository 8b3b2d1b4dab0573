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


def test_channels_have_their_own_constants():
    """In the units of the stored pixels, whatever their dtype; the inverse gives them again."""
    model = models.create("bn_inception", dialect="cadene", channels=2, mean=(9, 1), std=(3, 2000))
    for dtype in (np.uint16, np.float32):
        images = np.array([[[9, 1], [12, 60_001]], [[9, 1], [9, 1]]], dtype)[None]
        x = preprocess.as_input(images, model)
        np.testing.assert_allclose(x, [[[[0, 0], [1, 30]], [[0, 0], [0, 0]]]], atol=1e-5)
        np.testing.assert_allclose(preprocess.pixels(x, model) * 255, images, atol=0.01)


def test_without_constants_channels_have_the_average_of_the_dialects():
    """So a network of six channels can be described and planned before its data are there."""
    model = models.create("inception_v3", dialect="torchvision", channels=6)
    three = models.create("inception_v3", dialect="torchvision").preprocessing
    found = models.preprocessing(model)
    assert found.mean == (sum(three.mean) / 3,) * 6 and len(found.std) == 6
