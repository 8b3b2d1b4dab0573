"""Sharpness-aware minimisation: the gradient at the worst weights near the current ones."""

from typing import Any

import jax
import jax.numpy as jnp

from inception_jax.models.lowering import parameters
from inception_jax.train.train_step import Gradient


def sharpness_aware(gradient: Gradient, radius: float) -> Gradient:
    """`gradient` at w + radius g / |g|, where g is the one at w (arXiv:2010.01412).

    Statistics and metrics are the first pass's; dropout is the same in both. g is that of the whole
    batch, so that the result does not depend on the number of devices or microbatches (the paper's
    code has each device's own: m-sharpness with m its images).
    """
    tiny = float(jnp.finfo(jnp.float32).tiny)

    def sharp(model: Any, objective: Any, state: Any, batch: Any, key: Any) -> Any:
        grads, rest = gradient(model, objective, state, batch, key)
        share = radius / jnp.maximum(parameters.norm(grads), tiny)

        def ascended(w: jax.Array, g: jax.Array) -> jax.Array:
            return w + share.astype(w.dtype) * g

        there = state.replace(params=jax.tree.map(ascended, state.params, grads))
        return gradient(model, objective, there, batch, key)[0], rest

    return sharp
