"""Max-pool in the form that XLA's CPU backend runs fastest; `ops` uses it on a CPU only."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, UInt8

from inception_jax.models.lowering.cpu import Pads
from inception_jax.models.lowering.linear import linear


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def max_pool(
    x: Float[Array, "b h w c"], size: tuple[int, int], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 c"]:
    """Max-pool; a tie's gradient goes to the first maximum, as XLA's does."""
    return _pool_index(x, size, stride, pads)[0]


def _pool_index(
    x: Float[Array, "b h w c"], size: tuple[int, int], stride: int, pads: Pads
) -> tuple[Float[Array, "b h2 w2 c"], UInt8[Array, "b h2 w2 c"]]:
    """The maxima, and where in its window each first occurs, uint8."""
    oh, ow = (
        (n + sum(p) - k) // stride + 1 for n, k, p in zip(x.shape[1:3], size, pads, strict=True)
    )
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=-jnp.inf)
    # Without the barrier XLA recomputes the padding, a branch, in each of the slices' reads.
    x = lax.optimization_barrier(x)
    span_h, span_w = (oh - 1) * stride + 1, (ow - 1) * stride + 1
    best = x[:, 0:span_h:stride, 0:span_w:stride]
    index = jnp.zeros(best.shape, jnp.uint8)
    for k in range(1, size[0] * size[1]):
        i, j = divmod(k, size[1])
        value = x[:, i : i + span_h : stride, j : j + span_w : stride]
        greater = value > best
        best, index = jnp.where(greater, value, best), jnp.where(greater, jnp.uint8(k), index)
    return best, index


@max_pool.defjvp
def _max_pool_jvp(
    size: tuple[int, int], stride: int, pads: Pads, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    """Each maximum's own tangent."""
    (x,), (dx,) = primals, tangents
    y, index = _pool_index(x, size, stride, pads)
    backward = partial(pool_gradient, (x.shape[1], x.shape[2]), size, stride, pads)
    return y, linear(partial(read_places, size, stride, pads), backward, (index,), dx)


def read_places(
    size: tuple[int, int],
    stride: int,
    pads: Pads,
    index: UInt8[Array, "b h2 w2 c"],
    x: Float[Array, "b h w c"],
) -> Float[Array, "b h2 w2 c"]:
    """What stands at `index` of each window of `x`."""
    _, oh, ow, _ = index.shape
    x, total = jnp.pad(x, ((0, 0), *pads, (0, 0))), jnp.zeros(index.shape, x.dtype)
    for k, (i, j) in enumerate(itertools.product(range(size[0]), range(size[1]))):
        read = x[:, i : i + (oh - 1) * stride + 1 : stride, j : j + (ow - 1) * stride + 1 : stride]
        total = jnp.where(index == k, read, total)
    return total


def pool_gradient(
    grid: tuple[int, int],
    size: tuple[int, int],
    stride: int,
    pads: Pads,
    index: UInt8[Array, "b h2 w2 c"],
    dy: Float[Array, "b h2 w2 c"],
    fused: bool = False,
) -> Float[Array, "b h w c"]:
    """Gathers where XLA's select-and-scatter scatters.

    Padded row `stride * q + r` takes part in the windows `q - i // stride` at the offsets `i` that
    are `r` modulo the stride, so each residue is a sum of shifted slices: 3 to 4 ms for
    128x16x16x128, where select-and-scatter takes 43 (stride 2) or 130 (stride 1). `fused`: for
    a compiler that puts all into one loop: padded there, and added in float32 at least.
    """
    (kh, kw), (height, width), (top, left) = size, grid, (pads[0][0], pads[1][0])
    back_h, back_w = (kh - 1) // stride, (kw - 1) // stride  # windows to look back to
    groups_h, groups_w = -(-(height + top) // stride), -(-(width + left) // stride)
    b, oh, ow, c = dy.shape
    around = ((0, 0), (back_h, max(groups_h - oh, 0)), (back_w, max(groups_w - ow, 0)), (0, 0))
    index, dy = jnp.pad(index, around, constant_values=255), jnp.pad(dy, around)
    # Keeps the padding (a branch) out of the fused loop below: 20% of the whole training step.
    if not fused:
        index, dy = lax.optimization_barrier((index, dy))

    dtype = np.promote_types(dy.dtype, np.float32) if fused else dy.dtype

    def residue(r: int, s: int) -> Array:
        total = jnp.zeros((b, groups_h, groups_w, c), dtype)
        for i in range(r, kh, stride):
            for j in range(s, kw, stride):
                h, w = back_h - i // stride, back_w - j // stride
                at = (slice(None), slice(h, h + groups_h), slice(w, w + groups_w))
                part = jnp.where(index[at] == i * kw + j, dy[at], jnp.zeros((), dy.dtype))
                total += part.astype(dtype)
        return total.astype(dy.dtype)

    rows = [
        jnp.stack([residue(r, s) for s in range(stride)], 3).reshape(b, groups_h, -1, c)
        for r in range(stride)
    ]
    dx = jnp.stack(rows, 2).reshape(b, groups_h * stride, -1, c)
    return dx[:, top : top + height, left : left + width]
