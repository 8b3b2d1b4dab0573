"""From the `optim` section to an optax transformation."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import optax

from inception_jax.train.optim import clipping, decay, rates, unfreezing
from inception_jax.train.optim.lamb import lamb
from inception_jax.train.optim.lars import lars
from inception_jax.train.optim.lookahead import lookahead
from inception_jax.train.optim.loss_scale import skip_overflows
from inception_jax.train.optim.muon import muon
from inception_jax.train.optim.rmsprop import tf_rmsprop
from inception_jax.train.optim.schedules import Schedule, schedule


def build(
    c: Any, *, epochs: float, steps_per_epoch: float, backbone: Sequence[str] = (),
    fixed: Collection[str] = (), frozen: Collection[str] = (), head: bool = False,
) -> tuple[optax.GradientTransformation, Schedule]:  # fmt: skip
    """The optimiser and its learning rate by step.

    In this order: gradients of frozen rows are dropped, clipped by units, by the global norm; the
    optimiser with its decay; factors on the updates of rows; slow weights; kernels that are fixed
    stay; overflows are skipped, outermost, where `loss_scale` looks for the scale.
    What is off leaves no state.

    Args:
        c: the `optim` section.
        epochs: length of the run.
        steps_per_epoch: examples / batch size; a fraction, since batches run over epoch ends.
        backbone: names of the layers below the classifiers, from the image up.
        fixed: names of the layers whose kernels no step changes.
        frozen: names of the layers that no step changes; they have no state.
        head: for steps of `head_epochs`, in which the classifiers alone learn.
    """
    rate = schedule(c, epochs=epochs, steps_per_epoch=steps_per_epoch)
    plan = unfreezing.of(c, steps_per_epoch)
    parts = []
    if c.backbone_lr == 0:  # what does not learn takes no part in clipping
        parts.append(rates.scale(backbone, 0))
    if plan:
        parts.append(unfreezing.without_frozen(backbone, plan))
    if c.agc:
        parts.append(clipping.adaptive(backbone, c.agc))
    if c.clip:
        parts.append(optax.clip_by_global_norm(c.clip))
    mask = decay.mask(c.decay_mask, backbone)
    if plan:
        make = partial(_optimiser, c, mask)
        parts.append(unfreezing.unfreezing(make, rate, backbone, plan, head))
    else:
        parts.append(_optimiser(c, mask, rate))
    if c.backbone_lr != 1:
        parts.append(rates.scale(backbone, c.backbone_lr))
    if c.layer_decay != 1:
        parts.append(rates.scale_by_depth(backbone, c.layer_decay))
    tx = optax.chain(*parts) if len(parts) > 1 else parts[0]
    if c.lookahead:
        tx = lookahead(tx, c.lookahead, c.lookahead_rate)
    tx = rates.without(rates.without_kernels(tx, fixed), frozen)
    return (skip_overflows(tx, c.loss_scale) if c.loss_scale else tx), rate


def _optimiser(c: Any, mask: decay.Mask, rate: Schedule) -> optax.GradientTransformation:
    """The optimiser of a name, with decoupled weight decay on the parameters of `mask`."""
    own = {"decay": c.weight_decay, "mask": mask}
    b1, b2 = c.betas
    if c.name == "sgd":
        tx = optax.sgd(rate, momentum=c.momentum or None, nesterov=c.nesterov)
        return decay.decoupled(tx, rate, **own)
    if c.name == "rmsprop":
        tx = tf_rmsprop(rate, decay=c.decay, momentum=c.momentum, eps=c.eps)
        return decay.decoupled(tx, rate, **own)
    if c.name == "adam":
        return decay.decoupled(optax.adam(rate, b1, b2, c.eps), rate, **own)
    if c.name == "lamb":
        return lamb(rate, betas=c.betas, eps=c.eps, **own)
    if c.name == "lars":
        momentum = {"momentum": c.momentum, "nesterov": c.nesterov}
        return lars(rate, trust=c.trust, eps=c.eps, **momentum, **own)
    if c.name == "lion":
        return optax.lion(rate, b1, b2, weight_decay=c.weight_decay, mask=mask)
    if c.name == "muon":
        kinds = {"adam_lr": c.adam_lr, "fixed_norm": c.fixed_norm}
        momentum = {"momentum": c.momentum, "nesterov": c.nesterov}
        return muon(rate, betas=c.betas, **kinds, **momentum, **own)
    return optax.adamw(rate, b1, b2, c.eps, weight_decay=c.weight_decay, mask=mask)
