"""Tests `inception_jax/models/lowering/siblings.py`: which convolutions are computed as one."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

from inception_jax.models.lowering import forms
from inception_jax.models.lowering.siblings import shared_conv
from inception_jax.models.pools import avg_pool, border, max_pool
from tests.models.small import small, with_rows

CONV = small("inception_v3").conv(False)


@pytest.mark.parametrize(
    ("branch", "shared", "pooled"),
    [
        ((CONV(8), CONV(8, 3)), True, False),
        ((CONV(8, 3),), False, False),
        ((CONV(8, 1, 2),), False, False),
        ((border(CONV), CONV(8)), True, True),
        ((partial(max_pool, strides=1), CONV(8)), False, False),  # not linear
        ((partial(avg_pool, strides=2), CONV(8)), False, False),
    ],
)
def test_which_branches_share(branch, shared, pooled):
    """Those that start with a 1x1 of stride 1, or with an average pool and then one."""
    found = shared_conv(branch)
    assert bool(found) == shared
    assert bool(found and found.pool) == pooled


def test_one_product_for_all_branches():
    """A module with four 1x1s has one 1x1 convolution of its input, and the others' kernels."""
    model = with_rows("inception_v3", "slim", ["mixed_5b"], num_classes=0, aux=False)
    image = jnp.zeros((1, 16, 16, 3))
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), image))

    def convolutions():
        with forms.without("platform"):
            program = jax.make_jaxpr(lambda v: model.apply(v, image).logits)(variables)
        return str(program).count("conv_general_dilated[")

    assert convolutions() == 7 - 3
    with forms.without("siblings"):
        assert convolutions() == 7
