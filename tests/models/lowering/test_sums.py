"""Tests `inception_jax/models/lowering/sums.py` against NumPy."""

import jax
import numpy as np
import pytest

from inception_jax.models.lowering import sums


@pytest.mark.parametrize("shape", [(2, 3, 147, 2, 5), (1, 2, 7, 7, 3), (3, 4, 2)])
def test_sums_over_images_and_pixels(float64, shape):
    """Of each group and channel, of both arrays."""
    x, y = jax.random.normal(jax.random.key(0), (2, *shape))
    axes = tuple(range(1, len(shape) - 1))
    for got, want in zip(sums.over_pixels(x, y), (x, y), strict=True):
        np.testing.assert_allclose(got, np.asarray(want).sum(axes), atol=1e-10)


@pytest.mark.parametrize(
    ("side", "images", "rows"),
    [(149, 256, 149), (147, 256, 3087), (147, 2048, 3087), (73, 256, 73),
     (35, 256, 245), (17, 256, 289), (8, 256, 64), (1, 256, 1), (35, 32, 175)],
)  # fmt: skip
def test_parts_of_an_image(side, images, rows):
    """Rows of a part: no more than the compiler adds up in one kernel, no fewer than 64."""
    assert side * side // sums.parts_of(side * side, images) == rows
