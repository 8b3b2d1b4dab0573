"""LARS: a learning rate for each layer."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from inception_jax.train.optim.decay import Mask, kernels
from inception_jax.train.optim.schedules import Schedule


def lars(
    rate: Schedule, *, momentum: float, nesterov: bool, trust: float, eps: float, decay: float,
    mask: Mask,
) -> optax.GradientTransformation:  # fmt: skip
    """SGD at a rate of lr trust |w| / (|g| + decay |w| + eps) for each kernel.

    arXiv:1708.03888, algorithm 1: v = momentum v + lr ratio (g + decay w); w -= v. Where a norm is
    0, and for other leaves (biases, BatchNorm), the ratio is 1; leaves outside `mask` have no
    decay. timm's is the same at a constant rate, but has the rate outside the momentum. optax's has
    another ratio, of |g + decay w|.
    """

    def adapted(updates: Any, params: Any) -> Any:
        def one(g: jax.Array, w: jax.Array, decays: bool, adapts: bool) -> jax.Array:
            own = decay if decays else 0.0
            total = g + own * w if own else g
            if not adapts:
                return total
            of_g, of_w = jnp.linalg.norm(g.reshape(-1)), jnp.linalg.norm(w.reshape(-1))
            ratio = trust * of_w / (of_g + own * of_w + eps)
            return jnp.where((of_g > 0) & (of_w > 0), ratio, 1.0) * total

        return jax.tree.map(one, updates, params, mask(params), kernels(params))

    return optax.chain(
        optax.stateless(adapted),
        optax.scale_by_learning_rate(rate),
        optax.trace(momentum, nesterov),
    )
