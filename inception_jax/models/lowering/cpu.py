"""Convolution in the forms that XLA's CPU backend runs fastest.

The same mathematics as `lax.conv_general_dilated`; `ops` uses these on a CPU only. The figures are
of two Zen 4 cores, float32 (experiments/cifar10/README.md has the step).
"""

import functools
import itertools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from inception_jax.models.lowering import forms
from inception_jax.models.lowering.linear import bilinear_jvp

Pads = tuple[tuple[int, int], tuple[int, int]]
CACHED = 4096  # pixels of images in one step of the gradient by the kernel
FEW = 16  # below this many channels, all pixels of a kernel are one matrix product
MANY = 64  # from this many channels, one matrix product for each pixel is faster
SMALL = 32  # up to this grid YNNPACK is faster for square kernels,
SMALL_LINE = 15  # and up to this one for kernels of one row or column
MOST_PIXELS = 9  # of a kernel whose gradient is computed pixel by pixel


def conv_1x1(
    x: Float[Array, "b h w c"], kernel: Float[Array, "1 1 c d"], stride: int
) -> Float[Array, "b h2 w2 d"]:
    """A 1x1 convolution as a matrix product.

    Its weight gradient runs at 90 to 160 GFLOP/s, where a convolution's runs at 32 to 60.
    """
    x = x[:, ::stride, ::stride]
    c, features = kernel.shape[2:]
    out = x.reshape(math.prod(x.shape[:3]), c) @ kernel.reshape(c, features)
    return out.reshape(*x.shape[:3], features)


def plain_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw c d"], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """XLA's own convolution."""
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw c d"], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """`plain_conv`, in other forms where XLA's is slow.

    A strided convolution of many channels is a matrix product for each pixel of the kernel (360
    GFLOP/s, XLA's 190), and so is the gradient by the kernel (130 to 360, XLA's 50 to 240).
    """
    if stride == 1:
        return _conv_stride_1(x, kernel, pads)
    grid = output_grid(x, kernel, stride, pads)
    if x.shape[-1] < FEW and forms.on("by_image"):
        return _gathered(x, kernel, stride, pads, grid)
    if x.shape[-1] < MANY:
        return plain_conv(x, kernel, stride, pads)
    padded = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    products = (_product(_read_by(padded, i, j, stride, grid), kernel[i, j])
                for i, j in kernel_pixels(kernel.shape))  # fmt: skip
    total = functools.reduce(jnp.add, products)
    return total.reshape(x.shape[0], *grid, -1).astype(x.dtype)


def _gathered(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "kh kw c d"],
    stride: int,
    pads: Pads,
    grid: tuple[int, int],
) -> Float[Array, "b h2 w2 d"]:
    """A convolution of few channels as one matrix product an image: twice as fast on 3."""
    padded, places = jnp.pad(x, ((0, 0), *pads, (0, 0))), kernel_pixels(kernel.shape)

    def image(_: None, x: Array) -> tuple[None, Array]:
        read = jnp.concatenate([_read_by(x[None], i, j, stride, grid) for i, j in places], -1)
        return None, (read @ kernel.reshape(-1, kernel.shape[-1])).reshape(*grid, -1)

    return lax.scan(image, None, padded)[1]


def _product(a: Array, b: Array) -> Array:
    """A matrix product, in float32 at least: sums of several are rounded once."""
    return jnp.matmul(a, b, preferred_element_type=np.promote_types(a.dtype, jnp.float32))


def kernel_pixels(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """The pixels of a kernel, row by row."""
    return list(itertools.product(range(shape[0]), range(shape[1])))


def _conv_stride_1(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw c d"], pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """A convolution of stride 1, by whichever of XLA's libraries is faster for its shape.

    XLA runs it by YNNPACK unless its output is larger than its input, and then by Eigen: that is
    how the first is avoided here, with a row more of output that is cut off again. On one core
    YNNPACK has 102 GFLOP/s for 3x3 64 -> 96 at 16 (Eigen 92) and for 5x5 48 -> 16 (55), Eigen 93
    for 7x1 128 -> 192 at 17 (87); on two, Eigen has 306 instead of 218 for 3x3 32 -> 64 at 147 and
    358 instead of 172 for 80 -> 192 at 71. (The compiler option against YNNPACK is no faster for a
    train step, and a caller's own `jit` would not set it.) A kernel larger than its input, as 5x5
    at 4, is left to neither (5 GFLOP/s) unless the input is padded first (98).
    """
    oh, ow = output_grid(x, kernel, 1, pads)
    (kh, kw), (h, w) = kernel.shape[:2], x.shape[1:3]
    if kh > h or kw > w:
        # Without the barrier XLA makes the padding a part of the convolution again.
        padded = lax.optimization_barrier(jnp.pad(x, ((0, 0), *pads, (0, 0))))
        return plain_conv(padded, kernel, 1, ((0, 0), (0, 0)))
    extra = h + 1 - oh
    small = min(oh, ow) <= (SMALL if min(kh, kw) > 1 else SMALL_LINE)
    if small or extra <= 0:
        return plain_conv(x, kernel, 1, pads)
    (top, bottom), sides = pads
    return plain_conv(x, kernel, 1, ((top, bottom + extra), sides))[:, :oh]


def output_grid(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw i d"], stride: int, pads: Pads
) -> tuple[int, int]:
    """Height and width of a convolution's output."""
    (h, w), (kh, kw) = x.shape[1:3], kernel.shape[:2]
    return (h + sum(pads[0]) - kh) // stride + 1, (w + sum(pads[1]) - kw) // stride + 1


def _read_by(
    padded: Float[Array, "b h w c"], i: int, j: int, stride: int, grid: tuple[int, int]
) -> Float[Array, "pixels c"]:
    """What pixel (i, j) of a kernel reads of `padded`."""
    (rows, columns) = ((n - 1) * stride + 1 for n in grid)
    read = padded[:, i : i + rows : stride, j : j + columns : stride]
    return read.reshape(-1, padded.shape[-1])


def _conv_jvp(
    stride: int, pads: Pads, primals: tuple[Array, Array], tangents: tuple[Any, Any]
) -> tuple[Array, Array]:
    """The convolution of either tangent, with the fast gradient for its transpose."""
    x, kernel = primals
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return bilinear_jvp(
        lambda x, k: conv(x, k, stride, pads),
        lambda k, dy: _gradient_by_input(k, dy, shape, stride, pads),
        lambda x, dy: _gradient_by_kernel(x, dy, kernel.shape, stride, pads),
        primals, tangents,
    )  # fmt: skip


conv.defjvp(_conv_jvp, symbolic_zeros=True)


def _gradient_by_input(
    kernel: Float[Array, "kh kw c d"],
    dy: Float[Array, "b h2 w2 d"],
    shape: jax.ShapeDtypeStruct,
    stride: int,
    pads: Pads,
) -> Float[Array, "b h w c"]:
    if stride > 1:
        return jax.linear_transpose(lambda x: plain_conv(x, kernel, stride, pads), shape)(dy)[0]
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    return _conv_stride_1(dy, turned, turned_pads(kernel, pads))


def turned_pads(kernel: Float[Array, "kh kw i d"], pads: Pads) -> Pads:
    """The padding with which the turned kernel gives the gradient by the input, of stride 1."""
    (kh, kw), (top, bottom), (left, right) = kernel.shape[:2], *pads
    return (kh - 1 - top, kh - 1 - bottom), (kw - 1 - left, kw - 1 - right)


def _gradient_by_kernel(
    x: Float[Array, "b h w c"],
    dy: Float[Array, "b h2 w2 d"],
    shape: tuple[int, ...],
    stride: int,
    pads: Pads,
) -> Float[Array, "kh kw c d"]:
    if shape[0] * shape[1] > MOST_PIXELS or not forms.on("by_image"):
        kernel = jax.ShapeDtypeStruct(shape, x.dtype)
        return jax.linear_transpose(lambda k: plain_conv(x, k, stride, pads), kernel)(dy)[0]
    return _by_kernel(jnp.pad(x, ((0, 0), *pads, (0, 0))), dy, stride, shape)


def _by_kernel(
    padded: Float[Array, "b h w c"],
    dy: Float[Array, "b h2 w2 d"],
    stride: int,
    shape: tuple[int, ...],
) -> Float[Array, "kh kw c d"]:
    """A convolution's gradient by its kernel, of shape `shape`: sums of matrix products.

    A few images at a time, so that their slices stay in the processor's cache: for the whole batch
    each slice, one for each pixel of the kernel, would be as large as the input and take longer to
    copy than to multiply.
    """
    b, *grid, features = dy.shape
    fits = [n for n in range(1, b + 1) if b % n == 0 and n * math.prod(grid) <= CACHED]
    count = max(fits, default=1)
    places = kernel_pixels(shape)

    def body(total: Array, part: tuple[Array, ...]) -> tuple[Array, None]:
        x, by_channel = part[0], part[1].reshape(-1, features)
        read = [_read_by(x, i, j, stride, (grid[0], grid[1])) for i, j in places]
        if shape[2] < FEW:
            read = [jnp.concatenate(read, -1)]
        products = [_product(r.T, by_channel) for r in read]
        return total + jnp.stack(products).reshape(total.shape), None

    start = jnp.zeros((len(places), *shape[2:]), np.promote_types(dy.dtype, jnp.float32))
    parts = tuple(a.reshape(-1, count, *a.shape[1:]) for a in (padded, dy))
    return lax.scan(body, start, parts)[0].reshape(shape).astype(dy.dtype)
