"""Convolution, max-pool and normalisation as array functions: where a platform's fast form goes."""

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Pads = tuple[tuple[int, int], tuple[int, int]]


def pads(
    grid: tuple[int, int],
    size: tuple[int, int],
    stride: int,
    padding: str,
    style: str = "tf",
    pool: bool = False,
) -> Pads:
    """Rows and columns of padding before and after, for a window on a grid (height, width).

    `tf`: TensorFlow's SAME puts the odd pixel after. `torch`: convolutions pad (size - 1) // 2 on
    both sides; pools of stride 1 likewise, strided pools only after, as `ceil_mode` does.
    """
    if padding == "VALID":
        return (0, 0), (0, 0)

    def one(n: int, k: int) -> tuple[int, int]:
        total = max((-(-n // stride) - 1) * stride + k - n, 0)
        if style == "tf" or stride == 1:
            return total // 2, total - total // 2
        if pool:
            out = -(-(n - k) // stride) + 1
            return 0, max((out - 1) * stride + k - n, 0)
        return (k - 1) // 2, (k - 1) // 2

    return one(grid[0], size[0]), one(grid[1], size[1])


def conv(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """Convolution of `x` [b, h, w, c] with `kernel` [kh, kw, c, features]."""
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def max_pool(x: Array, size: tuple[int, int], stride: int, pads: Pads) -> Array:
    """Maximum over windows of `x` [b, h, w, c]; padding never wins."""
    return lax.reduce_window(
        x, -jnp.inf, lax.max, (1, *size, 1), (1, stride, stride, 1), ((0, 0), *pads, (0, 0))
    )


def normalise(x: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """Normalises each group of `x` [g, n, ..., c]: (x - mean) / sqrt(var + epsilon).

    Returns:
        The normalised groups, and the means and biased variances [g, c]; float32 at least.
    """
    axes = tuple(range(1, x.ndim - 1))
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean = wide.mean(axis=axes)
    var = jnp.square(wide - jnp.expand_dims(mean, axes)).mean(axis=axes)
    factor = lax.rsqrt(var + epsilon)
    y = (wide - jnp.expand_dims(mean, axes)) * jnp.expand_dims(factor, axes)
    return y, mean, var
