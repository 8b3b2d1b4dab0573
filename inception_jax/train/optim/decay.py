"""Weight decay: on which parameters, and apart from the gradient."""

from collections.abc import Callable, Collection
from typing import Any

import jax
import optax

from inception_jax.train.optim.schedules import Schedule

Mask = Callable[[Any], Any]


def kernels(params: Any) -> Any:
    """Mask of the leaves that weight decay acts on: kernels, as for L2."""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key == "kernel", params)


def mask(name: str, backbone: Collection[str]) -> Mask:
    """`optim.decay_mask`: kernels, those of the rows `backbone` alone, or all parameters."""

    def of_backbone(params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, _: path[0].key in backbone and path[-1].key == "kernel", params
        )

    def everything(params: Any) -> Any:
        return jax.tree.map(lambda _: True, params)

    return {"kernels": kernels, "backbone": of_backbone, "all": everything}[name]


def decoupled(
    tx: optax.GradientTransformation, rate: Schedule, decay: float, mask: Mask
) -> optax.GradientTransformation:
    """`tx` after which w -= lr decay w, with the rate of the step, in no momentum.

    Of SGD and RMSProp: SGDW and RMSpropW (arXiv:1711.05101). There a step decays by the schedule's
    multiplier times a constant; that constant is lr * decay, as in optax's and torch's AdamW.
    """
    if not decay:
        return tx
    return optax.chain(tx, optax.add_decayed_weights(lambda n: -decay * rate(n), mask))
