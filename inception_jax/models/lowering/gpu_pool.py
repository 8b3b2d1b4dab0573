"""Max-pool in the form for GPUs; `ops` uses it there only.

XLA's GPU compiler makes a scatter of the gradient, after a pass that writes each window's position
in four 32-bit integers: 5.8 GB for the pool behind the stem of Inception-v3 (256 images, bfloat16),
where a byte for each maximum and a gather take 2 (experiments/speed).
"""

import itertools
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from inception_jax.models.lowering.cpu import Pads
from inception_jax.models.lowering.cpu_pool import pool_gradient, read_places
from inception_jax.models.lowering.linear import linear

NOWHERE = 255  # the place of a maximum that is no number


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def max_pool(
    x: Float[Array, "b h w c"], size: tuple[int, int], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 c"]:
    """Max-pool; a tie's gradient goes to the first maximum, as XLA's does."""
    return reduce(jnp.maximum, _reads(x, size, stride, pads))


def _reads(
    x: Float[Array, "b h w c"], size: tuple[int, int], stride: int, pads: Pads
) -> list[Float[Array, "b h2 w2 c"]]:
    """What each place of a window reads of `x`, row by row."""
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=-jnp.inf)
    rows, columns = (
        (n - k) // stride * stride + 1 for n, k in zip(x.shape[1:3], size, strict=True)
    )
    return [
        x[:, i : i + rows : stride, j : j + columns : stride]
        for i, j in itertools.product(range(size[0]), range(size[1]))
    ]


def _places(
    x: Float[Array, "b h w c"], size: tuple[int, int], stride: int, pads: Pads
) -> UInt8[Array, "b h2 w2 c"]:
    """Where in its window each maximum first occurs.

    The maximum is taken again, in the other order, in which XLA does not recognise it: it reads `x`
    once for both then, and not once more to compare it with the first.
    """
    reads = _reads(x, size, stride, pads)
    best = reduce(jnp.maximum, reads[::-1])
    place = jnp.full(best.shape, NOWHERE, jnp.uint8)
    for k, read in reversed(list(enumerate(reads))):
        place = jnp.where(read == best, jnp.uint8(k), place)
    return place


@max_pool.defjvp
def _max_pool_jvp(
    size: tuple[int, int], stride: int, pads: Pads, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    """Each maximum's own tangent."""
    (x,), (dx,) = primals, tangents
    places, grid = _places(x, size, stride, pads), (x.shape[1], x.shape[2])
    forward = partial(read_places, size, stride, pads)
    backward = partial(pool_gradient, grid, size, stride, pads, fused=True)
    return max_pool(x, size, stride, pads), linear(forward, backward, (places,), dx)
