"""Normalisation by given factors, with ReLU; on GPUs with a gradient of its own."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from inception_jax.models.lowering import forms, ops, sums
from inception_jax.models.lowering.linear import linear

Factors = tuple[Float[Array, "groups c"], Float[Array, "groups c"]]  # multiplied, then added


def normalised(
    x: Float[Array, "b *n c"], factors: Factors | None, relu: bool
) -> Float[Array, "b *n c"]:
    """`affine` with or without ReLU; without factors ReLU alone."""
    if factors is not None and forms.on("paired"):
        return _paired(x, *factors, relu)
    y = affine(x, *factors) if factors else x
    return ops.relu(y) if relu else y


def affine(
    x: Float[Array, "b *n c"], factor: Float[Array, "groups c"], shift: Float[Array, "groups c"]
) -> Float[Array, "b *n c"]:
    """`x * factor + shift`, each group of consecutive images by its own; in the dtype of `x`."""
    (groups, c), wide = factor.shape, x.astype(ops.wide(x.dtype))
    if groups == 1:
        return (wide * factor[0] + shift[0]).astype(x.dtype)
    shape = (groups, *(1,) * (x.ndim - 1), c)
    y = wide.reshape(groups, -1, *x.shape[1:])
    return (y * factor.reshape(shape) + shift.reshape(shape)).reshape(x.shape).astype(x.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _paired(
    x: Float[Array, "b *n c"],
    factor: Float[Array, "groups c"],
    shift: Float[Array, "groups c"],
    relu: bool,
) -> Float[Array, "b *n c"]:
    y = affine(x, factor, shift)
    return jnp.maximum(y, 0) if relu else y


@_paired.defjvp
def _paired_jvp(
    relu: bool, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Two linear functions, of `x` and of the factors, which each compute ReLU's mask from `x`.

    Their transposes are the two passes of BatchNorm's gradient over `x` and `dy`. With a mask in
    common XLA writes one, or the masked `dy`, and reads it twice.
    """
    (dx, *moved) = tangents
    by_x = partial(_scaled, relu)
    through = linear(by_x, by_x, primals, dx)
    by_factors = linear(partial(_moved, relu), partial(_sums, relu), primals, jnp.stack(moved))
    return _paired(*primals, relu), through + by_factors


def _scaled(relu: bool, x: Array, factor: Array, shift: Array, dx: Array) -> Array:
    """`dx * factor` where `x` passes the ReLU; its own transpose."""
    return affine(_masked(relu, x, factor, shift, dx), factor, jnp.zeros_like(shift))


def _moved(relu: bool, x: Array, factor: Array, shift: Array, moved: Array) -> Array:
    """`x * moved[0] + moved[1]` where `x` passes the ReLU."""
    return _masked(relu, x, factor, shift, affine(x, moved[0], moved[1]), again=True)


def _sums(relu: bool, x: Array, factor: Array, shift: Array, dy: Array) -> Array:
    """The transpose of `_moved`: the sums of `dy * x` and `dy` where `x` passes the ReLU."""
    dy = _masked(relu, x, factor, shift, dy, again=True)
    dy, x = (a.astype(ops.wide(x.dtype)).reshape(len(factor), -1, *a.shape[1:]) for a in (dy, x))
    return jnp.stack(sums.over_pixels(dy * x, dy))


def _masked(
    relu: bool, x: Array, factor: Array, shift: Array, value: Array, again: bool = False
) -> Array:
    """`value` where `x` passes the ReLU; the mask is one mask for each of the two `again`."""
    if not relu:
        return value
    # Behind a barrier the compiler does not find the ReLU's own sum, beside which it would write
    # the mask; nor the other mask, if the barrier is over other arguments.
    pair = lax.stop_gradient((shift, factor) if again else (factor, shift))
    pair = lax.optimization_barrier(pair)
    factor, shift = pair[::-1] if again else pair
    return jnp.where(affine(x, factor, shift) > 0, value, jnp.zeros_like(value))
