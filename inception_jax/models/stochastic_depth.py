"""Stochastic depth (arXiv:1603.09382): training without some residual branches, or some branches.

By image, as timm's `drop_path`: what is kept is scaled up, so that the mean is that of evaluation.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from inception_jax.models.lowering import ops
from inception_jax.models.rows import Row


def rates(rows: Sequence[Row], name: str, last: float) -> list[float]:
    """The rate of each residual module of row `name`: 0 for the network's first, `last` at its end.

    They rise linearly with the module's place among all of them (1603.09382, section 3; timm).
    """
    counts = [getattr(row.build, "modules", 0) for row in rows]
    row = [row.name for row in rows].index(name)
    first = sum(counts[:row])
    return [last * i / max(sum(counts) - 1, 1) for i in range(first, first + counts[row])]


def drop_path(
    module: nn.Module, x: Float[Array, "b h w c"], rate: float, train: bool
) -> Float[Array, "b h w c"]:
    """Zero a residual branch `x` for a share `rate` of the images, scale up the others."""
    if not train or not rate:
        return x
    keep = ops.keep(module.make_rng("dropout"), rate, (x.shape[0], 1, 1, 1))
    return jnp.where(keep, x / (1 - rate), 0)


def drop_branches(
    module: nn.Module, branches: Sequence[Float[Array, "b h w _"]], rate: float, train: bool
) -> list[Float[Array, "b h w _"]]:
    """Zero each of a module's `branches` for a share `rate` of the images, scale up the others.

    An image keeps at least one, as in FractalNet's drop-path (arXiv:1605.07648, section 3.1): where
    all would be dropped, each is as likely to be kept. Without it nothing of the image would reach
    the modules below, which have no other path.
    """
    n = len(branches)
    if not train or not rate or n == 1:
        return list(branches)
    draws = ops.uniform(module.make_rng("dropout"), (branches[0].shape[0], n))
    keep = kept(draws, rate)
    share = 1 - rate + rate**n / n
    return [jnp.where(keep[:, i, None, None, None], x / share, 0) for i, x in enumerate(branches)]


def kept(draws: Float[Array, "b n"], rate: float) -> Bool[Array, "b n"]:
    """Those of at least `rate`, and the largest of each image."""
    return (draws >= rate) | (draws == draws.max(axis=1, keepdims=True))
