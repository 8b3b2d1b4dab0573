"""A dynamic loss scale, so that small gradients of float16 are not lost.

Three parts: the scale lives in the optimiser's state (`skip_overflows`), multiplies the loss
(`scaled`), and is a metric (`with_loss_scale`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from inception_jax.train.train_step import Gradient, finite

GROWTH_INTERVAL = 2000  # finite steps before the scale doubles: flax's and torch's


class LossScaleState(NamedTuple):
    """The scale (float32), the finite steps since it changed, and the optimiser's state."""

    scale: jax.Array
    finite_steps: jax.Array
    inner: Any


def skip_overflows(
    tx: optax.GradientTransformation, initial: float
) -> optax.GradientTransformation:
    """`tx`, which a gradient that is not finite leaves as it was; then the scale halves.

    After 2000 finite steps in a row the next one doubles it, as in flax.training.dynamic_scale. The
    optimiser has not seen a skipped step: its count, and so its learning rate, is one behind.
    """

    def init(params: Any) -> LossScaleState:
        scale = jnp.asarray(initial, jnp.float32)
        return LossScaleState(scale, jnp.zeros((), jnp.int32), tx.init(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, LossScaleState]:
        good = finite(updates)
        moved, inner = tx.update(updates, state.inner, params)
        moved = jax.tree.map(lambda u: jnp.where(good, u, 0), moved)
        inner = jax.tree.map(lambda new, old: jnp.where(good, new, old), inner, state.inner)
        grows = good & (state.finite_steps == GROWTH_INTERVAL)
        least, most = float(jnp.finfo(jnp.float32).tiny), float(jnp.finfo(jnp.float32).max)
        scale = state.scale * jnp.where(good, jnp.where(grows, 2.0, 1.0), 0.5)
        steps = jnp.where(good & ~grows, state.finite_steps + 1, 0)
        return moved, LossScaleState(jnp.clip(scale, least, most), steps, inner)

    return optax.GradientTransformation(init, update)


def scaled(gradient: Gradient) -> Gradient:
    """`gradient` of the objective times the state's scale, divided by it in float32."""

    def of_scaled(model: Any, objective: Any, state: Any, batch: Any, key: Any) -> Any:
        scale = state.opt_state.scale

        def larger(*args: Any, **given: Any) -> tuple[Any, Any]:
            total, metrics = objective(*args, **given)
            return total * scale.astype(total.dtype), metrics

        grads, rest = gradient(model, larger, state, batch, key)
        return jax.tree.map(lambda g: g / scale.astype(g.dtype), grads), rest

    return of_scaled


def with_loss_scale(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the metrics `loss_scale` and `skipped` (0 or 1).

    The gradient of a skipped step is 0 in the metrics, so that it is no divergence. An overflow at
    a scale of at most 1, which no scale mends, keeps its gradient; so does a loss that is not
    finite, which is of the forward pass.
    """

    def scaled_step(state: Any, batch: Any) -> tuple[Any, Any]:
        new, metrics = step(state, batch)
        scale, grads = state.opt_state.scale, metrics["gradient"]
        skipped = ~finite(grads) & (scale > 1)
        grads = jax.tree.map(lambda g: jnp.where(skipped, 0, g), grads)
        return new, {**metrics, "gradient": grads, "loss_scale": scale, "skipped": skipped}

    return scaled_step
