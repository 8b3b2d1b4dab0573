"""Pools, and the padding rules of the frameworks that they follow."""

from functools import partial
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from inception_jax.models.lowering import ops
from inception_jax.models.lowering.preactivation import Activation, Preactivation


def max_pool(
    x: Activation, size: int = 3, strides: int = 2, padding: str = "SAME", style: str = "tf"
) -> Float[Array, "b h2 w2 c"] | Preactivation:
    """Max-pool of `x`, of the same kind as `x`; `style` is a dialect's `padding`."""
    pads = ops.pads(x.shape[1:3], (size, size), strides, padding, style, pool=True)

    def pool(x: Array) -> Array:
        return ops.max_pool(x, (size, size), strides, pads)

    return x.max_pooled(pool) if isinstance(x, Preactivation) else pool(x)


def avg_pool(
    x: Float[Array, "b h w c"],
    size: int = 3,
    strides: int = 1,
    padding: str = "SAME",
    count_include_pad: bool = False,
) -> Float[Array, "b h2 w2 c"]:
    """Average pool of `x`; TensorFlow's border (padding not counted) by default."""
    pads = ops.pads(x.shape[1:3], (size, size), strides, padding)
    return ops.avg_pool(x, (size, size), strides, pads, count_include_pad)


def border(conv: partial[Any]) -> partial[Array]:
    """The 3x3 average pool of a module's last branch, with the border of the dialect of `conv`."""
    return partial(avg_pool, count_include_pad=conv.keywords["dialect"].count_include_pad)


def adaptive_avg_pool(x: Float[Array, "b h w c"], size: int) -> Float[Array, "b {size} {size} c"]:
    """Torch's AdaptiveAvgPool2d.

    Cell i averages the rows from floor(i h / size) to ceil((i + 1) h / size), in float32 at least.
    """
    dtype, x = x.dtype, x.astype(ops.wide(x.dtype))
    for axis in (1, 2):
        n = x.shape[axis]
        cells = [(i * n // size, -(-(i + 1) * n // size)) for i in range(size)]
        x = jnp.concatenate(
            [lax.slice_in_dim(x, a, b, axis=axis).mean(axis, keepdims=True) for a, b in cells],
            axis,
        )
    return x.astype(dtype)
