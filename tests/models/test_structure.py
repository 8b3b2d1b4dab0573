"""Tests `inception_jax/models/structure.py`: steps as the figures write them."""

from functools import partial

import pytest

from inception_jax.models import structure
from inception_jax.models.pools import avg_pool, max_pool
from inception_jax.models.structure import Step


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("conv", (1, 7), channels=224), "1x7 224"),
        (Step("conv", (3, 3), 2, True, 192), "3x3/2 V 192"),
        (Step("linear", channels=8), "linear 1x1 8"),
        (Step("fork", arms=(Step("conv", (1, 3)), Step("conv", (3, 1)))), "{1x3, 3x1}"),
    ],
)
def test_step(step, text):
    """Kind, window, stride, V without padding, channels."""
    assert str(step) == text


def test_pool():
    """The defaults of the two pools differ in their stride."""
    assert str(structure.step(partial(max_pool, padding="VALID"))) == "max 3x3/2 V"
    assert str(structure.step(partial(avg_pool, count_include_pad=True))) == "avg 3x3"
