"""Adaptive gradient clipping."""

from collections.abc import Collection
from typing import Any

import jax
import optax


def adaptive(layers: Collection[str], clip: float) -> optax.GradientTransformation:
    """Clips the gradient of each unit of the named layers at `clip` times the norm of its weights.

    arXiv:2102.06171; optax.adaptive_grad_clip, which equals timm.utils.agc: a unit is an output
    channel of a kernel, or a whole vector; weights count as at least 1e-3. The classifiers, which
    are no `layers`, are not clipped, as in the paper.
    """

    def mask(tree: Any) -> Any:
        return {k: jax.tree.map(lambda _, k=k: k in layers, v) for k, v in tree.items()}

    return optax.masked(optax.adaptive_grad_clip(clip), mask)
