"""From the `optim` section to an optax transformation."""

from collections.abc import Collection
from typing import Any

import optax

from inception_jax.train.optim.masks import kernels
from inception_jax.train.optim.muon import muon
from inception_jax.train.optim.rates import scale
from inception_jax.train.optim.rmsprop import tf_rmsprop
from inception_jax.train.optim.schedules import Schedule, schedule


def build(
    c: Any, *, epochs: float, steps_per_epoch: float, backbone: Collection[str] = ()
) -> tuple[optax.GradientTransformation, Schedule]:
    """The optimiser and its learning rate by step.

    Args:
        c: the `optim` section.
        epochs: length of the run.
        steps_per_epoch: examples / batch size; a fraction, since batches run over epoch ends.
        backbone: names of the layers that learn at `c.backbone_lr` times the rate.
    """
    rate = schedule(c, epochs=epochs, steps_per_epoch=steps_per_epoch)
    if c.name == "sgd":
        tx = optax.sgd(rate, momentum=c.momentum or None, nesterov=c.nesterov)
    elif c.name == "rmsprop":
        tx = tf_rmsprop(rate, decay=c.decay, momentum=c.momentum, eps=c.eps)
    elif c.name == "adam":
        tx = optax.adam(rate, eps=c.eps)
    elif c.name == "muon":
        tx = muon(rate, momentum=c.momentum, nesterov=c.nesterov, decay=c.weight_decay)
    else:
        tx = optax.adamw(rate, eps=c.eps, weight_decay=c.weight_decay, mask=kernels)
    parts = [optax.clip_by_global_norm(c.clip), tx] if c.clip else [tx]
    if c.backbone_lr != 1:
        parts.append(scale(backbone, c.backbone_lr))
    if c.backbone_lr == 0:
        parts.insert(0, scale(backbone, 0))  # what does not learn takes no part in clipping
    return (optax.chain(*parts) if len(parts) > 1 else tx), rate
