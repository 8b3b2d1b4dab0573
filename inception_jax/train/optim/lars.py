"""LARS: a learning rate for each layer."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from inception_jax.train.optim.decay import Mask
from inception_jax.train.optim.schedules import Schedule


def lars(
    rate: Schedule, *, momentum: float, nesterov: bool, trust: float, eps: float, decay: float,
    mask: Mask,
) -> optax.GradientTransformation:  # fmt: skip
    """SGD at a rate of lr trust |w| / (|g| + decay |w| + eps) for each leaf in `mask`.

    arXiv:1708.03888, algorithm 1: v = momentum v + lr ratio (g + decay w); w -= v. Where a norm is
    0, and for other leaves (biases, BatchNorm), the ratio is 1, and these have no decay. timm's is
    the same at a constant rate, but has the rate outside the momentum. optax's has another ratio,
    of |g + decay w|.
    """

    def adapted(updates: Any, params: Any) -> Any:
        def one(g: jax.Array, w: jax.Array) -> jax.Array:
            of_g, of_w = jnp.linalg.norm(g.reshape(-1)), jnp.linalg.norm(w.reshape(-1))
            ratio = trust * of_w / (of_g + decay * of_w + eps)
            return jnp.where((of_g > 0) & (of_w > 0), ratio, 1.0) * (g + decay * w)

        return jax.tree.map(one, updates, params)

    return optax.chain(
        optax.masked(optax.stateless(adapted), mask),
        optax.scale_by_learning_rate(rate),
        optax.trace(momentum, nesterov),
    )
