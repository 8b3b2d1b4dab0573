"""Tests `inception_jax/models/aux_head.py`: the grids that the head takes."""

import jax
import jax.numpy as jnp
import pytest

from inception_jax.models.aux_head import AuxHead
from inception_jax.models.layers import ImageTooSmallError
from tests.models.small import small


def shapes(grid, is_small):
    model = small("inception_v3")
    head = AuxHead(model.conv(False), 10, False, small=is_small, name="aux")
    return jax.eval_shape(head.init, jax.random.key(0), jnp.zeros((1, grid, grid, 16)))["params"]


def test_the_5x5_spans_the_pooled_grid():
    """17 -> 5 -> 1: the second convolution reads the whole pooled grid."""
    assert shapes(17, False)["conv1"]["kernel"].shape[:2] == (5, 5)


def test_a_small_grid():
    """8 -> 2 with a small stem, where the window spans the grid; otherwise it is refused."""
    assert shapes(8, True)["conv1"]["kernel"].shape[:2] == (2, 2)
    with pytest.raises(ImageTooSmallError, match="5x5, got 2x2"):
        shapes(8, False)
