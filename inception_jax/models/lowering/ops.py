"""Convolution, max-pool and normalisation as array functions: where a platform's fast form goes."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inception_jax.models.lowering import cpu, forms

Array = jax.Array
Pads = cpu.Pads


def wide(dtype: Any) -> Any:
    """The dtype of statistics, sums, parameters and logits: float64 for itself, else float32."""
    return jnp.float64 if dtype == jnp.float64 else jnp.float32


def pads(
    grid: tuple[int, ...],
    size: tuple[int, int],
    stride: int,
    padding: str,
    style: str = "tf",
    pool: bool = False,
) -> Pads:
    """Rows and columns of padding before and after, for a window on a grid (height, width).

    `tf`: TensorFlow's SAME puts the odd pixel after. `torch`: (size - 1) // 2 on both sides.
    `ceil`: as `torch`, but strided pools pad only after, as torch's `ceil_mode` without padding.
    """
    if padding == "VALID":
        return (0, 0), (0, 0)

    def one(n: int, k: int) -> tuple[int, int]:
        total = max((-(-n // stride) - 1) * stride + k - n, 0)
        if style == "tf" or stride == 1:
            return total // 2, total - total // 2
        if pool and style == "ceil":
            out = -(-(n - k) // stride) + 1
            return 0, max((out - 1) * stride + k - n, 0)
        return (k - 1) // 2, (k - 1) // 2

    return one(grid[0], size[0]), one(grid[1], size[1])


_part: ContextVar[tuple[Any, int]] = ContextVar("part", default=(0, 1))


@contextmanager
def part_of_batch(index: Any, count: int) -> Iterator[None]:
    """Inside, a network's images are the `index`-th of `count` equal parts of a batch."""
    token = _part.set((index, count))
    try:
        yield
    finally:
        _part.reset(token)


def keep(key: Array, rate: float, shape: tuple[int, ...]) -> Array:
    """Which entries of `shape` [b, ...] dropout keeps: by the key and the place in the batch."""
    index, count = _part.get()
    b, *rest = shape
    whole = jax.random.bernoulli(key, 1 - rate, (b * count, *rest))
    return whole if count == 1 else lax.dynamic_slice_in_dim(whole, index * b, b)


def _by_platform(*args: Array, cpu: Callable[..., Array], default: Callable[..., Array]) -> Array:
    if not forms.on("platform"):
        return default(*args)
    return lax.platform_dependent(*args, cpu=cpu, default=default)


def conv(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """Convolution of `x` [b, h, w, c] with `kernel` [kh, kw, c, features]."""
    plain = partial(cpu.plain_conv, stride=stride, pads=pads)
    if kernel.shape[:2] == (1, 1):
        return _by_platform(x, kernel, cpu=partial(cpu.conv_1x1, stride=stride), default=plain)
    return _by_platform(x, kernel, cpu=lambda x, k: cpu.conv(x, k, stride, pads), default=plain)


def depthwise(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """Each channel of `x` [b, h, w, c] by filters of its own, `kernel` [kh, kw, 1, c * m]."""
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        pads,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


@jax.custom_vjp
def dense(x: Array, kernel: Array) -> Array:
    """`x` [b, c] by `kernel` [c, features] of one dtype; float32 at least, as logits are.

    Its gradients are of the dtype of `x` and `kernel`, as a convolution's are, and so is what
    devices send of them: in half precision a classifier's are half as large.
    """
    return jnp.matmul(x, kernel, preferred_element_type=wide(x.dtype))


def _dense_forward(x: Array, kernel: Array) -> tuple[Array, Any]:
    return dense(x, kernel), (x, kernel)


def _dense_backward(kept: Any, dy: Array) -> tuple[Array, Array]:
    x, kernel = kept
    dy = dy.astype(x.dtype)
    return dy @ kernel.T, x.T @ dy


dense.defvjp(_dense_forward, _dense_backward)


@jax.custom_jvp
def relu(x: Array) -> Array:
    """max(x, 0), whose gradient asks for what it gave rather than for what it got.

    Behind a sum, as in a residual module, one array is then kept instead of two.
    """
    return jnp.maximum(x, 0)


@relu.defjvp
def _relu_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    y = relu(x)
    return y, jnp.where(y > 0, dx, jnp.zeros_like(dx))


def max_pool(x: Array, size: tuple[int, int], stride: int, pads: Pads) -> Array:
    """Maximum over windows of `x` [b, h, w, c]; padding never wins."""

    def plain(x: Array) -> Array:
        return lax.reduce_window(
            x, -jnp.inf, lax.max, (1, *size, 1), (1, stride, stride, 1), ((0, 0), *pads, (0, 0))
        )

    return _by_platform(x, cpu=lambda x: cpu.max_pool(x, size, stride, pads), default=plain)


def avg_pool(
    x: Array, size: tuple[int, int], stride: int, pads: Pads, count_include_pad: bool
) -> Array:
    """Mean over windows of `x` [b, h, w, c]; padding counts only if `count_include_pad`."""
    total = lax.reduce_window(
        x, 0.0, lax.add, (1, *size, 1), (1, stride, stride, 1), ((0, 0), *pads, (0, 0))
    )
    if count_include_pad:
        return total / (size[0] * size[1])
    ones = [np.pad(np.ones(n), p) for n, p in zip(x.shape[1:3], pads, strict=True)]
    inside = [
        np.array([o[i : i + k].sum() for i in range(0, len(o) - k + 1, stride)])
        for o, k in zip(ones, size, strict=True)
    ]
    return total / jnp.asarray(np.outer(*inside)[None, :, :, None], x.dtype)


@jax.custom_vjp
def known_moments(x: Array, mean: Array, var: Array) -> tuple[Array, Array]:
    """`mean` and `var` [g, c], which are those of `x` [g, n, ..., c]; differentiable by `x` alone.

    The gradient is by the differences to the mean, whatever the moments were computed by; and for
    `x` that is a slice of what they were taken of, it is of the slice.
    """
    return mean, var


def _known_forward(x: Array, mean: Array, var: Array) -> tuple[Any, Any]:
    return (mean, var), (x, mean)


def _known_backward(kept: Any, cotangents: Any) -> tuple[Array, Array, Array]:
    x, mean = kept
    axes = tuple(range(1, x.ndim - 1))
    by_mean, by_var, centre = (jnp.expand_dims(a, axes) for a in (*cotangents, mean))
    count = math.prod(x.shape[1:-1])
    dx = (by_mean + 2 * by_var * (x.astype(wide(x.dtype)) - centre)) / count
    return dx.astype(x.dtype), jnp.zeros_like(mean), jnp.zeros_like(mean)


known_moments.defvjp(_known_forward, _known_backward)


def moments(x: Array, pivot: Array) -> tuple[Array, Array]:
    """Means and biased variances [g, c] of each group of `x` [g, n, ..., c]; float32 at least.

    In one pass over `x`, which a compiler does while `x` is made: of the differences to `pivot`
    [c], from which the mean should be no more than some hundred deviations away (at a hundred
    float32 loses four of the variance's seven digits; Flax's form always has zero for a pivot). At
    three thousand nothing is left but rounding, of which the variance is then taken to be: zero
    would have the channel multiplied, and its gradient, by the thirty of `epsilon` alone.
    """
    axes = tuple(range(1, x.ndim - 1))
    x = x.astype(wide(x.dtype)) - pivot
    mean = x.mean(axis=axes)
    var = jnp.square(x).mean(axis=axes) - jnp.square(mean)
    return mean + pivot, jnp.maximum(var, jnp.finfo(x.dtype).eps * jnp.square(mean))
