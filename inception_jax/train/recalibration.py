"""BatchNorm recalibrated after training: its averages become the mean of some batches' statistics.

"Precise BatchNorm" of arXiv:2105.07576, section 3, as `torch.optim.swa_utils.update_bn` computes it
(the cumulative mean of means and of variances). A moving average lags behind the weights of the
latest steps, and is no statistic at all of averaged weights.
"""

from typing import Any

import jax
import jax.numpy as jnp

from inception_jax.models import Network
from inception_jax.train.state import TrainState
from inception_jax.train.train_step import Batch, Gradient, Metrics, Objective, gradient


def recalibration_step(
    state: TrainState,
    batch: Batch,
    *,
    model: Network,
    objective: Objective,
    gradient: Gradient = gradient,
    seed: int = 0,
) -> tuple[TrainState, Metrics]:
    """Measure a batch: (state, batch) -> (state, metrics), with a rate of 0 and no gradient's.

    The batch also has `count`, int32: its number among those that are measured, from 1. The
    averages of the weights and of their moving average are measured apart, with augmentation,
    groups and dropout as in training; what is measured so far is in the state, so that a run
    resumes in between. The gradient is not used: the compiler drops it.
    """
    batch = {**batch, "place": jnp.arange(len(batch["label"]))}
    count = batch.pop("count")
    key = jax.random.fold_in(jax.random.key(seed + 1), state.step)
    measuring = model.clone(bn_decay=0.0)

    def measure(params: Any, averages: Any) -> tuple[Any, Metrics]:
        now = state.replace(params=params, batch_stats=averages)
        _, (measured, metrics) = gradient(measuring, objective, now, batch, key)

        def mean(old: jax.Array, new: jax.Array) -> jax.Array:
            share = 1 / count.astype(old.dtype)
            return old * (1 - share) + new.astype(old.dtype) * share

        return jax.tree.map(mean, averages, measured), metrics

    batch_stats, metrics = measure(state.params, state.batch_stats)
    ema = state.ema
    if ema:
        ema = {**ema, "batch_stats": measure(ema["params"], ema["batch_stats"])[0]}
    new = state.replace(step=state.step + 1, batch_stats=batch_stats, ema=ema)
    return new, {**metrics, "lr": jnp.zeros_like(metrics["loss"])}
