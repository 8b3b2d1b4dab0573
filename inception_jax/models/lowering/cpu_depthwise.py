"""Depthwise convolution in the form that XLA's CPU backend runs fastest.

The same mathematics as `plain_depthwise`, of which XLA multiplies one number at a time there: this
is 50 to 130 times as fast (experiments/speed/README.md). `ops` uses it on a CPU only.
"""

import functools
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from inception_jax.models.lowering import forms
from inception_jax.models.lowering.cpu import Pads, kernel_pixels, output_grid, turned_pads
from inception_jax.models.lowering.linear import bilinear_jvp

LARGE = 1 << 22  # numbers in a batch above which images are computed one after the other


def plain_depthwise(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw 1 d"], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """XLA's own convolution."""
    dims = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=dims, feature_group_count=x.shape[-1]
    )


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def depthwise(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw 1 d"], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """`plain_depthwise` as a sum of shifted products: one loop, of all channels at once.

    Added up in float32 at least, and rounded once. Images of a large batch go one after the other,
    so that their padding stays in the processor's cache.
    """
    grid, dtype = output_grid(x, kernel, stride, pads), _wide(x)
    filters = kernel.reshape(*kernel.shape[:2], x.shape[-1], -1).astype(dtype)

    def images(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        padded = _padded(x, pads)
        products = (
            _read_by(padded, i, j, stride, grid).astype(dtype) * filters[i, j]
            for i, j in kernel_pixels(kernel.shape)
        )
        total = functools.reduce(jnp.add, products)
        return total.reshape(x.shape[0], *grid, -1).astype(x.dtype)

    if x.size > LARGE and forms.on("by_image"):
        return lax.map(lambda image: images(image[None])[0], x)
    return images(x)


def _wide(x: Array) -> np.dtype:
    """The dtype of sums."""
    return np.promote_types(x.dtype, jnp.float32)


def _padded(x: Float[Array, "b h w c"], pads: Pads) -> Float[Array, "b h2 w2 c"]:
    """`x` with zeros around it; without the barrier every read of it would be a branch."""
    widths = ((0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0))
    return lax.optimization_barrier(lax.pad(x, jnp.zeros((), x.dtype), widths))


def _read_by(
    padded: Float[Array, "b h w c"],
    i: int | Int[Array, ""],
    j: int | Int[Array, ""],
    stride: int,
    grid: Sequence[int],
) -> Float[Array, "b h2 w2 c 1"]:
    """What pixel (i, j) of a kernel reads of `padded`, for every filter of a channel."""
    b, _, _, c = padded.shape
    rows, columns = ((n - 1) * stride + 1 for n in grid)
    read = lax.dynamic_slice(padded, (0, i, j, 0), (b, rows, columns, c))
    return read[:, ::stride, ::stride, :, None]


def _depthwise_jvp(
    stride: int, pads: Pads, primals: tuple[Array, Array], tangents: tuple[Any, Any]
) -> tuple[Array, Array]:
    """The convolution of either tangent, with the fast gradient for its transpose."""
    x, kernel = primals
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return bilinear_jvp(
        lambda x, k: depthwise(x, k, stride, pads),
        lambda k, dy: _gradient_by_input(k, dy, shape, stride, pads),
        lambda x, dy: _gradient_by_kernel(x, dy, kernel.shape, stride, pads),
        primals, tangents,
    )  # fmt: skip


depthwise.defjvp(_depthwise_jvp, symbolic_zeros=True)


def _gradient_by_input(
    kernel: Float[Array, "kh kw 1 d"],
    dy: Float[Array, "b h2 w2 d"],
    x: jax.ShapeDtypeStruct,
    stride: int,
    pads: Pads,
) -> Float[Array, "b h w c"]:
    """Of one filter a channel, without strides, a convolution by the kernel turned around."""
    if stride > 1 or kernel.shape[3] > x.shape[3]:
        return jax.linear_transpose(lambda x: plain_depthwise(x, kernel, stride, pads), x)(dy)[0]
    return depthwise(dy, kernel[::-1, ::-1], 1, turned_pads(kernel, pads))


def _gradient_by_kernel(
    x: Float[Array, "b h w c"],
    dy: Float[Array, "b h2 w2 d"],
    shape: tuple[int, ...],
    stride: int,
    pads: Pads,
) -> Float[Array, "kh kw 1 d"]:
    """Sums over pixels of what a pixel of the kernel reads times `dy`.

    An image and a pixel of the kernel at a time, a product with ones adds up what stays in the
    processor's cache: half the time of sums over the batch.
    """
    b, *grid, d = dy.shape
    padded, dtype, places = _padded(x, pads), _wide(x), kernel_pixels(shape)
    dy = dy.reshape(*dy.shape[:3], x.shape[-1], -1)

    def products(x: Array, dy: Array, i: Any, j: Any) -> Float[Array, "pixels d"]:
        read = _read_by(x, i, j, stride, grid).astype(dtype)
        return (read * dy.astype(dtype)).reshape(-1, d)

    if not forms.on("by_image"):
        sums = [products(padded, dy, i, j).sum(0) for i, j in places]
        return jnp.stack(sums).reshape(shape).astype(x.dtype)

    def add(total: Array, step: Array) -> tuple[Array, None]:
        image, place = step // len(places), step % len(places)
        read, by = (lax.dynamic_slice_in_dim(a, image, 1) for a in (padded, dy))
        each = products(read, by, place // shape[1], place % shape[1])
        return total.at[place].add(jnp.ones(len(each), dtype) @ each), None

    start = jnp.zeros((len(places), d), dtype)
    return lax.scan(add, start, jnp.arange(b * len(places)))[0].reshape(shape).astype(x.dtype)
