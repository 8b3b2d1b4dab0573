"""LAMB: Adam with a rate for each layer."""

import optax

from inception_jax.train.optim.decay import Mask
from inception_jax.train.optim.schedules import Schedule


def lamb(
    rate: Schedule, *, betas: tuple[float, float], eps: float, decay: float, mask: Mask
) -> optax.GradientTransformation:
    """AdamW whose update of a leaf in `mask` has the size of the leaf (arXiv:1904.00962).

    w -= lr |w| / |u| u with u = m / (sqrt(v) + eps) + decay w, m and v Adam's, corrected for bias.
    Other leaves (biases, BatchNorm) have neither the ratio nor decay: timm's and the authors' code;
    optax.lamb has the ratio on all. timm also clips the global norm at 1: set optim.clip.
    """
    return optax.chain(
        optax.scale_by_adam(*betas, eps),
        optax.add_decayed_weights(decay, mask),
        optax.masked(optax.scale_by_trust_ratio(), mask),
        optax.scale_by_learning_rate(rate),
    )
