"""Tests `inception_jax/models/structure.py`: steps as the figures write them."""

from functools import partial

import pytest

from inception_jax.models import structure
from inception_jax.models.layers import Fork
from inception_jax.models.pools import avg_pool, max_pool
from tests.models.small import small

CONV = small("inception_v3", width=1.0).conv(False)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (CONV(224, (1, 7)), "1x7 224"),
        (CONV(192, 3, 2, "VALID"), "3x3/2 V 192"),
        (CONV(8, norm=False, relu=False), "linear 1x1 8"),
        (Fork((CONV(8, (1, 3)), CONV(8, (3, 1)))), "{1x3 8, 3x1 8}"),
    ],
)
def test_step(layer, text):
    """Kind, window, stride, V without padding, channels."""
    assert structure.step(layer) == text


def test_pool():
    """The defaults of the two pools differ in their stride."""
    assert structure.step(partial(max_pool, padding="VALID")) == "max 3x3/2 V"
    assert structure.step(partial(avg_pool, count_include_pad=True)) == "avg 3x3"
