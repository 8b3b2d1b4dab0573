"""What a train step does with all parameters, or their gradients, at once."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float

from inception_jax.models.lowering import forms


def sum_of_squares(arrays: Sequence[Array]) -> Float[Array, ""]:
    """The sum of all squares of several arrays."""
    if forms.on("flat"):
        return _flat_squares(list(arrays))
    return jnp.sum(jnp.stack([jnp.sum(x * x) for x in arrays]))


def norm(tree: Any) -> Float[Array, ""]:
    """The Euclidean norm of all numbers of a tree."""
    if forms.on("flat"):
        return jnp.sqrt(_flat_squares(jax.tree.leaves(tree)))
    return optax.tree.norm(tree)


@jax.custom_jvp
def _flat_squares(arrays: list[Array]) -> Float[Array, ""]:
    """As one sum over one array.

    A copy and two kernels in all, instead of one or two kernels for each of Inception-v3's 99
    arrays; the gradient has no copy in it.
    """
    flat = jnp.concatenate([x.reshape(-1) for x in arrays])
    return jnp.sum(flat * flat)


@_flat_squares.defjvp
def _flat_squares_jvp(
    primals: tuple[list[Array]], tangents: tuple[list[Array]]
) -> tuple[Array, Array]:
    (arrays,), (moved,) = primals, tangents
    changes = [jnp.sum(x * dx) for x, dx in zip(arrays, moved, strict=True)]
    return _flat_squares(arrays), 2 * jnp.sum(jnp.stack(changes))


def in_layout(grads: Any) -> Any:
    """Gradients in the layout of their parameters.

    cuDNN gives a kernel's gradient as [out, h, w, in]. XLA then computes the optimiser in that
    layout: it turns parameter and momentum there and back, which is not in place, so that it also
    copies both: 225 copies in Inception-v3 where 26 are left.
    """
    if not forms.on("flat"):
        return grads
    return jax.tree.map(lambda g: with_layout_constraint(g, Layout(tuple(range(g.ndim)))), grads)
