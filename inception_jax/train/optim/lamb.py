"""LAMB: Adam with a rate for each layer."""

import optax

from inception_jax.train.optim.decay import Mask, kernels
from inception_jax.train.optim.schedules import Schedule


def lamb(
    rate: Schedule, *, betas: tuple[float, float], eps: float, decay: float, mask: Mask
) -> optax.GradientTransformation:
    """AdamW whose update of a kernel has the size of the kernel (arXiv:1904.00962).

    w -= lr |w| / |u| u with u = m / (sqrt(v) + eps) + decay w, m and v Adam's, corrected for bias;
    leaves outside `mask` have no decay. Other leaves (biases, BatchNorm) do not have the ratio, as
    in timm's and the authors' code; optax.lamb has it on all. timm also clips the global norm
    at 1: set optim.clip.
    """
    return optax.chain(
        optax.scale_by_adam(*betas, eps),
        optax.add_decayed_weights(decay, mask),
        optax.masked(optax.scale_by_trust_ratio(), kernels),
        optax.scale_by_learning_rate(rate),
    )
