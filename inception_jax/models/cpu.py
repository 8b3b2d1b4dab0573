"""Convolution and max-pool in the forms that XLA's CPU backend runs fastest.

The same mathematics as `lax.conv_general_dilated` and `lax.reduce_window`; `ops` takes these on a
CPU only. The figures are of two Zen 4 cores, float32 (experiments/cifar10/README.md has the step).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Pads = tuple[tuple[int, int], tuple[int, int]]


def conv_1x1(x: Array, kernel: Array, stride: int) -> Array:
    """A 1x1 convolution of `x` [b, h, w, c] as a matrix product.

    Its weight gradient runs at 90 to 160 GFLOP/s, where a convolution's runs at 32 to 60.
    """
    x = x[:, ::stride, ::stride]
    out = x.reshape(-1, x.shape[-1]) @ kernel.reshape(x.shape[-1], -1)
    return out.reshape(*x.shape[:3], -1)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def max_pool(x: Array, size: tuple[int, int], stride: int, pads: Pads) -> Array:
    """Max-pool of `x` [b, h, w, c]; a tie's gradient goes to the first maximum, as XLA's does."""
    return _pool_index(x, size, stride, pads)[0]


def _pool_index(x: Array, size: tuple[int, int], stride: int, pads: Pads) -> tuple[Array, Array]:
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


def _pool_forward(
    x: Array, size: tuple[int, int], stride: int, pads: Pads
) -> tuple[Array, tuple[Array, Array]]:
    best, index = _pool_index(x, size, stride, pads)
    return best, (index, jnp.zeros((0, *x.shape[1:3]), x.dtype))  # no pixels, only the grid


def _pool_backward(
    size: tuple[int, int], stride: int, pads: Pads, saved: tuple[Array, Array], dy: Array
) -> tuple[Array]:
    """Gathers where XLA's select-and-scatter scatters.

    Padded row `stride * q + r` takes part in the windows `q - i // stride` at the offsets `i` that
    are `r` modulo the stride, so each residue is a sum of shifted slices: 3 to 4 ms for
    128x16x16x128, where select-and-scatter takes 43 (stride 2) or 130 (stride 1).
    """
    index, grid = saved
    (kh, kw), (height, width), (top, left) = size, grid.shape[1:], (pads[0][0], pads[1][0])
    back_h, back_w = (kh - 1) // stride, (kw - 1) // stride  # windows to look back to
    groups_h, groups_w = -(-(height + top) // stride), -(-(width + left) // stride)
    b, oh, ow, c = dy.shape
    around = ((0, 0), (back_h, max(groups_h - oh, 0)), (back_w, max(groups_w - ow, 0)), (0, 0))
    index, dy = jnp.pad(index, around, constant_values=255), jnp.pad(dy, around)
    # Keeps the padding (a branch) out of the fused loop below: 20% of the whole training step.
    index, dy = lax.optimization_barrier((index, dy))

    def residue(r: int, s: int) -> Array:
        total = jnp.zeros((b, groups_h, groups_w, c), dy.dtype)
        for i in range(r, kh, stride):
            for j in range(s, kw, stride):
                h, w = back_h - i // stride, back_w - j // stride
                at = (slice(None), slice(h, h + groups_h), slice(w, w + groups_w))
                total += jnp.where(index[at] == i * kw + j, dy[at], jnp.zeros((), dy.dtype))
        return total

    rows = [
        jnp.stack([residue(r, s) for s in range(stride)], 3).reshape(b, groups_h, -1, c)
        for r in range(stride)
    ]
    dx = jnp.stack(rows, 2).reshape(b, groups_h * stride, -1, c)
    return (dx[:, top : top + height, left : left + width],)


max_pool.defvjp(_pool_forward, _pool_backward)


def compile_once() -> dict[str, int] | None:
    """Compiler options for a program that runs once, as initialisers do; None off the CPU.

    Fifteen seconds of optimising a small GoogLeNet's random numbers become six.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
