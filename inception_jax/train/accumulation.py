"""Gradient accumulation: the mean of a gradient over microbatches, one after another."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from inception_jax.train.train_step import Gradient

Array = jax.Array


def accumulated(gradient: Gradient, count: int, num_shards: int) -> Gradient:
    """`gradient` over `count` microbatches of a batch that `num_shards` devices share.

    It equals the whole batch's, BatchNorm's averages included, as long as BatchNorm's groups lie
    within a microbatch; dropout too, since `place` is a leaf of the batch.
    """
    if count == 1:
        return gradient

    def mean(model: Any, objective: Any, state: Any, batch: Any, key: Array) -> Any:
        return mean_over(
            lambda part: gradient(model, objective, state, part, key),
            microbatches(batch, count, num_shards),
            count,
        )

    return mean


def microbatches(batch: Any, count: int, num_shards: int) -> Any:
    """Leaves [b, ...] as [count, b / count, ...]; each device keeps its own images.

    Microbatch i takes the i-th part of every device's slice, so nothing moves between devices and
    BatchNorm's groups of consecutive images stay whole.
    """

    def split(x: Array) -> Array:
        parts = x.reshape(num_shards, count, -1, *x.shape[1:]).swapaxes(0, 1)
        return parts.reshape(count, -1, *x.shape[1:])

    return jax.tree.map(split, batch)


def mean_over(compute: Callable[[Any], Any], parts: Any, count: int) -> Any:
    """Mean of `compute(part)` over the leading axis of `parts`, in a scan."""
    first = jax.tree.map(lambda x: x[0], parts)
    zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(compute, first))

    def body(total: Any, part: Any) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, compute(part)), None

    total, _ = jax.lax.scan(body, zero, parts)
    return jax.tree.map(lambda x: x / count, total)
