"""Muon for convolutions, Adam for the rest."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from inception_jax.train.optim.decay import Mask
from inception_jax.train.optim.schedules import Schedule

EPSILON = 1e-12  # below any norm but 0


def muon(
    rate: Schedule | float, *, momentum: float, nesterov: bool, betas: tuple[float, float],
    decay: float, mask: Mask, adam_lr: float = 1.0, fixed_norm: bool = False,
) -> optax.GradientTransformation:  # fmt: skip
    """Muon (Jordan et al., 2024) for the convolutions, Adam for all other leaves.

    The momentum of a kernel [h, w, in, out], taken as a matrix [h * w * in, out], is replaced by
    the nearest orthogonal matrix. Updates have Adam's size (a root mean square of 0.2 times the
    rate: arXiv:2502.16982), so that one rate serves both. A depthwise kernel [h, w, 1, out] is
    `out` separate filters and no matrix: Adam's. The decay is AdamW's, on the leaves of
    `mask`; `betas` are Adam's, and `adam_lr` multiplies their rate.

    With `fixed_norm` these kernels keep the norm they began with, and a step has the size of the
    rate times that norm: BatchNorm takes out the norm of a kernel, so that the rate alone says how
    far it turns. So does KellerJordan/cifar10-airbench (airbench94_muon.py). They do not decay.
    """
    # Late: optax.contrib takes time to import, and only this optimiser needs it.
    from optax import contrib

    def matrices(params: Any) -> Any:
        as_matrix = contrib.MuonDimensionNumbers((0, 1, 2), (3,))
        return jax.tree.map(lambda x: as_matrix if _is_matrix(x) else None, params)

    direction = contrib.muon(
        -1.0,  # the gradient's direction, not against it
        beta=momentum,
        nesterov=nesterov,
        adam_b1=betas[0],
        adam_b2=betas[1],
        muon_weight_dimension_numbers=matrices,
        consistent_rms=0.2,
    )

    def decayed(params: Any) -> Any:
        return jax.tree.map(lambda hit, x: hit and not _is_matrix(x), mask(params), params)

    parts = [direction, optax.add_decayed_weights(decay, mask=decayed if fixed_norm else mask)]
    if adam_lr != 1:
        parts.append(optax.stateless(lambda u, _: _each(u, other=lambda x: adam_lr * x)))
    if fixed_norm:
        parts.append(optax.stateless(lambda u, w: _each(u, w, matrix=_of_norm)))
    parts.append(optax.scale_by_learning_rate(rate))
    if fixed_norm:
        parts.append(optax.stateless(lambda u, w: _each(u, w, matrix=_on_sphere)))
    return optax.chain(*parts)


def _is_matrix(leaf: Any) -> bool:
    return leaf.ndim == 4 and leaf.shape[2] > 1


def _each(
    tree: Any,
    *more: Any,
    matrix: Callable[..., Any] = lambda x, *_: x,
    other: Callable[..., Any] = lambda x, *_: x,
) -> Any:
    """`matrix` of the leaves that Muon updates, `other` of the rest."""
    return jax.tree.map(lambda x, *y: (matrix if _is_matrix(x) else other)(x, *y), tree, *more)


def _of_norm(update: jax.Array, weights: jax.Array) -> jax.Array:
    """`update` with the norm of `weights`."""
    return update * (jnp.linalg.norm(weights) / (jnp.linalg.norm(update) + EPSILON))


def _on_sphere(update: jax.Array, weights: jax.Array) -> jax.Array:
    """The update after which `weights` have the norm they have now."""
    return _of_norm(weights + update, weights) - weights
