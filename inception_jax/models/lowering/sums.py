"""Sums over pixels in as few kernels as a GPU needs."""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

MOST_ROWS = 4096  # of a sum that XLA's GPU compiler does not split by itself (tried)
LEAST_ROWS = 64  # for the parts, of 32 bits, to be few bytes beside the array
SUMS = 1024  # several for each of the 132 multiprocessors of an H100


@jax.custom_jvp
def over_pixels(*arrays: Float[Array, "groups b *n c"]) -> tuple[Float[Array, "groups c"], ...]:
    """The sum of each array over images and pixels, all arrays at once.

    XLA's GPU compiler computes a long sum in two stages, and launches a kernel for each array in
    the second. Here the first stage is an ordinary sum of each array, which the compiler fuses with
    what it reads, and the second is a single reduction of all arrays. The first never adds up
    different images, which may be on several devices.
    """
    groups, b, *n, c = arrays[0].shape
    rows = parts_of(math.prod(n), groups * b)
    zeros = [jnp.zeros((), x.dtype) for x in arrays]
    parts = [x.reshape(groups, b, rows, -1, c).sum(3) for x in arrays]
    total = lax.reduce(
        parts, zeros, lambda a, b: [x + y for x, y in zip(a, b, strict=True)], (1, 2)
    )
    return tuple(total)


@over_pixels.defjvp
def _over_pixels_jvp(
    primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Ordinary sums, which JAX can transpose."""
    axes = tuple(range(1, tangents[0].ndim - 1))
    return over_pixels(*primals), tuple(t.sum(axes) for t in tangents)


def parts_of(pixels: int, images: int) -> int:
    """Into how many equal parts an image is split: enough, and none that is split again."""
    divisors = [n for n in range(1, pixels + 1) if pixels % n == 0]
    fit = [n for n in divisors if LEAST_ROWS <= pixels // n <= MOST_ROWS] or divisors[:1]
    return next((n for n in fit if images * n >= SUMS), fit[-1])
