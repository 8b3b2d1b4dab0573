"""From the `optim` section to an optax transformation; schedules count epochs, not steps."""

import math
from collections.abc import Callable, Collection
from typing import Any

import jax
import jax.numpy as jnp
import optax

Schedule = Callable[[Any], Any]


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


def scale(layers: Collection[str], factor: float) -> optax.GradientTransformation:
    """Multiplies the updates of the named layers, which are the tree's first keys."""

    def update(updates: Any, _: Any) -> Any:
        return {k: optax.tree.scale(factor, v) if k in layers else v for k, v in updates.items()}

    return optax.stateless(update)


def tf_rmsprop(
    rate: Schedule | float, *, decay: float, momentum: float, eps: float
) -> optax.GradientTransformation:
    """RMSProp as `tf.train.RMSPropOptimizer`: what trained every released Inception.

    ms = decay * ms + (1 - decay) * g**2, from ms = 1;
    mom = momentum * mom + lr * g / sqrt(ms + eps); w -= mom. The epsilon is inside the root, the
    rate inside the momentum, so that a change of rate does not rescale past steps.
    """
    return optax.chain(
        optax.scale_by_rms(decay=decay, eps=eps, initial_scale=1.0, eps_in_sqrt=True),
        optax.scale_by_learning_rate(rate),
        optax.trace(decay=momentum),
    )


def muon(
    rate: Schedule | float, *, momentum: float, nesterov: bool, decay: float
) -> optax.GradientTransformation:
    """Muon (Jordan et al., 2024) for the convolutions, Adam for all other leaves.

    The momentum of a kernel [h, w, in, out], taken as a matrix [h * w * in, out], is replaced by
    the nearest orthogonal matrix. Updates have Adam's size (a root mean square of 0.2 times the
    rate: arXiv:2502.16982), so that one rate serves both. A depthwise kernel [h, w, 1, out] is
    `out` separate filters and no matrix: Adam's. The decay is AdamW's, on every kernel.
    """
    # Late: optax.contrib takes time to import, and only this optimiser needs it.
    from optax import contrib

    def matrices(params: Any) -> Any:
        as_matrix = contrib.MuonDimensionNumbers((0, 1, 2), (3,))
        return jax.tree.map(lambda x: as_matrix if x.ndim == 4 and x.shape[2] > 1 else None, params)

    direction = contrib.muon(
        -1.0,  # the gradient's direction, not against it
        beta=momentum,
        nesterov=nesterov,
        muon_weight_dimension_numbers=matrices,
        consistent_rms=0.2,
    )
    decayed = optax.add_decayed_weights(decay, mask=kernels)
    return optax.chain(direction, decayed, optax.scale_by_learning_rate(rate))


def kernels(params: Any) -> Any:
    """Mask of the leaves that weight decay acts on: kernels, as for L2."""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key == "kernel", params)


def schedule(c: Any, *, epochs: float, steps_per_epoch: float) -> Schedule:
    """Learning rate as a function of the step (0 for the first): constant, staircase or cosine.

    The staircase counts whole epochs exactly, at any batch size: its edges are integers computed
    here, not a rounded division inside the step.
    """
    warmup = math.ceil(c.warmup_epochs * steps_per_epoch)
    total = max(math.ceil(epochs * steps_per_epoch), warmup + 1)
    edges = []
    if c.schedule == "staircase":
        count = math.floor(epochs / c.every_epochs)
        # The first step at or after the epoch; a hair off absorbs the rounding of the product.
        edges = [
            math.ceil(k * c.every_epochs * steps_per_epoch - 1e-6) for k in range(1, count + 1)
        ]

    def rate(step: Any) -> Any:
        if c.schedule == "cosine":
            share = (jnp.asarray(step, jnp.float32) - warmup) / (total - warmup)
            value = c.lr * 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(share, 0, 1)))
        elif edges:
            passed = jnp.searchsorted(jnp.asarray(edges), step, side="right")
            value = c.lr * c.decay_rate ** passed.astype(jnp.float32)
        else:
            value = jnp.asarray(c.lr)
        if warmup:
            value = jnp.where(
                step < warmup, c.lr * (jnp.asarray(step, jnp.float32) + 1) / warmup, value
            )
        return value

    return rate
