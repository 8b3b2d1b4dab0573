"""Lookahead: slow weights that follow those of another optimiser."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class SlowState(NamedTuple):
    """Steps done, the slow weights (as the parameters), and the fast optimiser's state.

    A step that `skip_overflows` skips is not among those done.
    """

    count: jax.Array
    slow: Any
    fast: Any


def lookahead(
    tx: optax.GradientTransformation, steps: int, rate: float
) -> optax.GradientTransformation:
    """`tx`, whose weights after every `steps` steps go back to the slow ones (arXiv:1907.08610).

    slow += rate (w - slow); w = slow. Its momentum goes on, as in timm's. The state's parameters
    are the fast ones, which is what is evaluated, saved and averaged: at a multiple of `steps` they
    are the slow ones. optax.lookahead would have parameters of both kinds instead.
    """

    def init(params: Any) -> SlowState:
        return SlowState(jnp.zeros((), jnp.int32), params, tx.init(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, SlowState]:
        ahead, fast = tx.update(updates, state.fast, params)
        count = state.count + 1
        due = count % steps == 0

        def followed(slow: jax.Array, w: jax.Array, u: jax.Array) -> jax.Array:
            return jnp.where(due, slow + rate * (w + u - slow), slow)

        slow = jax.tree.map(followed, state.slow, params, ahead)
        moved = jax.tree.map(lambda s, w, u: jnp.where(due, s - w, u), slow, params, ahead)
        return moved, SlowState(count, slow, fast)

    return optax.GradientTransformation(init, update)
