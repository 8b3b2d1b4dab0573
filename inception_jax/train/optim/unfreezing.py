"""Gradual unfreezing: rows of the network that begin to learn one after another."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from inception_jax.errors import ConfigError
from inception_jax.train.optim.rates import depths
from inception_jax.train.optim.schedules import Schedule


class JoiningState(NamedTuple):
    """Steps done by the run, and the optimiser's state, which is the initial one until it joins.

    A step that `skip_overflows` skips is not among them.
    """

    count: jax.Array
    inner: Any


def unfreezing(
    optimiser: Callable[[Schedule], optax.GradientTransformation],
    rate: Schedule,
    rows: Sequence[str],
    steps: float,
) -> optax.GradientTransformation:
    """The classifiers learn from the start, a row of depth d from step d * `steps` on.

    ULMFiT's (arXiv:1801.06146), where it is the last layer first, one more each epoch. A row that
    has not joined does not move: no decay, no momentum; its optimiser starts when it joins, at the
    rate of the run's step. (Its BatchNorm averages follow the images from the start.)
    """
    starts = [_start(depth, steps) for depth in range(len(rows) + 1)]
    parts: dict[Any, Any] = {
        str(depth): _joining(optimiser(lambda n, start=start: rate(n + start)), start)
        for depth, start in enumerate(starts)
    }

    def labels(params: Any) -> Any:
        by = depths(rows, params)
        return {k: jax.tree.map(lambda _, k=k: str(by[k]), v) for k, v in params.items()}

    return optax.partition(parts, labels)


def check(
    epochs: float, rows: Sequence[str], params: Mapping[str, Any], per_epoch: float, steps: int
) -> None:
    """Refuse `optim.unfreeze_epochs` with which a row learns in none of the run's steps.

    Raises:
        ConfigError: names the largest value that fits.
    """
    deepest = max(depths(rows, params).values())
    if _start(deepest, epochs * per_epoch) < steps:
        return
    most = math.floor((steps - 1) / (deepest * per_epoch) * 1e4) / 1e4
    raise ConfigError(
        f"--config.optim.unfreeze_epochs={epochs:g}: expected at most {most:g}, with which the "
        f"last of {deepest} rows learns before the run ends; or set more --config.train.epochs"
    )


def without_frozen(rows: Sequence[str], steps: float) -> optax.GradientTransformation:
    """Gradients of rows that have not joined become 0, so that clipping does not count them."""

    def init(params: Any) -> Any:
        return jnp.zeros((), jnp.int32)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        starts = {k: _start(depth, steps) for k, depth in depths(rows, updates).items()}

        def kept(name: str, grads: Any) -> Any:
            return jax.tree.map(lambda g: jnp.where(state >= starts[name], g, 0), grads)

        return {k: kept(k, v) for k, v in updates.items()}, state + 1

    return optax.GradientTransformation(init, update)


def _start(depth: int, steps: float) -> int:
    """The first step of a row of this depth; a hair off absorbs the rounding of the product."""
    return math.ceil(depth * steps - 1e-6)


def _joining(tx: optax.GradientTransformation, start: int) -> optax.GradientTransformation:
    def init(params: Any) -> JoiningState:
        return JoiningState(jnp.zeros((), jnp.int32), tx.init(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, JoiningState]:
        learns = state.count >= start
        moved, inner = tx.update(updates, state.inner, params)
        moved = jax.tree.map(lambda u: jnp.where(learns, u, 0), moved)
        inner = jax.tree.map(lambda new, old: jnp.where(learns, new, old), inner, state.inner)
        return moved, JoiningState(state.count + 1, inner)

    return optax.GradientTransformation(init, update)
