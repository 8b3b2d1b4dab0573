"""Muon for convolutions, Adam for the rest."""

from typing import Any

import jax
import optax

from inception_jax.train.optim.decay import Mask
from inception_jax.train.optim.schedules import Schedule


def muon(
    rate: Schedule | float, *, momentum: float, nesterov: bool, betas: tuple[float, float],
    decay: float, mask: Mask,
) -> optax.GradientTransformation:  # fmt: skip
    """Muon (Jordan et al., 2024) for the convolutions, Adam for all other leaves.

    The momentum of a kernel [h, w, in, out], taken as a matrix [h * w * in, out], is replaced by
    the nearest orthogonal matrix. Updates have Adam's size (a root mean square of 0.2 times the
    rate: arXiv:2502.16982), so that one rate serves both. A depthwise kernel [h, w, 1, out] is
    `out` separate filters and no matrix: Adam's. The decay is AdamW's, on the leaves of
    `mask`; `betas` are Adam's.
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
        adam_b1=betas[0],
        adam_b2=betas[1],
        muon_weight_dimension_numbers=matrices,
        consistent_rms=0.2,
    )
    decayed = optax.add_decayed_weights(decay, mask=mask)
    return optax.chain(direction, decayed, optax.scale_by_learning_rate(rate))
