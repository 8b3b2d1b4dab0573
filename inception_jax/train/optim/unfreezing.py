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


class Unfreezing(NamedTuple):
    """When rows begin to learn, in steps that need not be whole.

    Attributes:
        head: of the classifiers alone, before the last row joins.
        between: from a row's first step to that of the one below it.
    """

    head: float
    between: float

    def start(self, depth: int) -> int:
        """The first step of a row of this depth (`rates.depths`)."""
        steps = self.head + (depth - 1) * self.between if depth else 0.0
        return math.ceil(steps - 1e-6)  # a hair off absorbs the rounding of the product


def of(c: Any, steps_per_epoch: float) -> Unfreezing | None:
    """The unfreezing of the `optim` section; None where all rows learn from the start.

    ULMFiT's (arXiv:1801.06146) is `unfreeze_epochs`: the last layer first, one more each epoch.
    With `head_epochs` alone the classifier learns first, then all rows at once (arXiv:2202.10054).
    """
    head = (c.head_epochs or c.unfreeze_epochs) * steps_per_epoch
    return Unfreezing(head, c.unfreeze_epochs * steps_per_epoch) if head else None


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
    plan: Unfreezing,
    head: bool = False,
) -> optax.GradientTransformation:
    """The classifiers learn from the start, a row of depth d from step `plan.start(d)` on.

    A row that has not joined does not move: no decay, no momentum; its optimiser starts when it
    joins, at the rate of the run's step. (Its BatchNorm averages follow the images from the start.)
    With `head`, for steps in which none has joined: rows cost nothing, and the state is the same.
    """
    parts: dict[Any, Any] = {
        str(depth): _joining(optimiser(lambda n, start=start: rate(n + start)), start, head)
        for depth, start in enumerate(map(plan.start, range(len(rows) + 1)))
    }

    def labels(params: Any) -> Any:
        by = depths(rows, params)
        return {k: jax.tree.map(lambda _, k=k: str(by[k]), v) for k, v in params.items()}

    return optax.partition(parts, labels)


def check(
    c: Any, rows: Sequence[str], params: Mapping[str, Any], per_epoch: float, steps: int
) -> None:
    """Refuse epochs of the `optim` section with which a row learns in none of the run's steps.

    `rows` are those that learn, in the end.

    Raises:
        ConfigError: names the largest value that fits.
    """
    plan, deepest = of(c, per_epoch), max(depths(rows, params).values())
    if plan is None or plan.start(deepest) < steps:
        return
    if not c.unfreeze_epochs:
        raise ConfigError(
            f"--config.optim.head_epochs={c.head_epochs:g}: expected fewer than train.epochs, so "
            f"that the rows learn too; or --config.optim.freeze_until=logits, with which none does"
        )
    between = steps - 1 - (plan.head if c.head_epochs else 0)
    count = deepest - 1 if c.head_epochs else deepest
    most = math.floor(between / (count * per_epoch) * 1e4) / 1e4
    raise ConfigError(
        f"--config.optim.unfreeze_epochs={c.unfreeze_epochs:g}: expected at most {most:g}, with "
        f"which the "
        f"last of {deepest} rows learns before the run ends; or set more --config.train.epochs"
    )


def without_frozen(rows: Sequence[str], plan: Unfreezing) -> optax.GradientTransformation:
    """Gradients of rows that have not joined become 0, so that clipping does not count them."""

    def init(params: Any) -> Any:
        return jnp.zeros((), jnp.int32)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        starts = {k: plan.start(depth) for k, depth in depths(rows, updates).items()}

        def kept(name: str, grads: Any) -> Any:
            return jax.tree.map(lambda g: jnp.where(state >= starts[name], g, 0), grads)

        return {k: kept(k, v) for k, v in updates.items()}, state + 1

    return optax.GradientTransformation(init, update)


def _joining(
    tx: optax.GradientTransformation, start: int, head: bool
) -> optax.GradientTransformation:
    def init(params: Any) -> JoiningState:
        return JoiningState(jnp.zeros((), jnp.int32), tx.init(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, JoiningState]:
        if head and start:
            return jax.tree.map(jnp.zeros_like, updates), state._replace(count=state.count + 1)
        learns = state.count >= start
        moved, inner = tx.update(updates, state.inner, params)
        moved = jax.tree.map(lambda u: jnp.where(learns, u, 0), moved)
        inner = jax.tree.map(lambda new, old: jnp.where(learns, new, old), inner, state.inner)
        return moved, JoiningState(state.count + 1, inner)

    return optax.GradientTransformation(init, update)
