"""What a training step saves of the forward pass for the backward pass, and what it recomputes.

A convolution's gradients need its input: an activation, which is recomputed from the previous
convolution's output and a vector or two. `lean` saves those: each convolution's output and the
statistics of its normalisation, not the normalised, rectified, concatenated copies. Of the stem,
whose large grids are half of all activations (Inception-v3), it saves the output alone, so the stem
runs twice. `rows` saves the inputs of the stem and of each module, and runs each again for its
gradient. experiments/speed has what each costs and saves.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax
from flax import linen as nn
from jax.ad_checkpoint import checkpoint_name

# Names of arrays: the output of a convolution in the body, and in the stem; BatchNorm's vectors;
# what is not a function of those alone, such as a residual sum or the stem's output; and the output
# of any other row.
CONVOLUTION, STEM, STATISTICS, BLOCK, ROW = "convolution", "stem", "statistics", "block", "row"

POLICIES = ("none", "lean", "rows")
LEAN = (CONVOLUTION, STATISTICS, BLOCK)

named: Callable[[Any, str], Any] = checkpoint_name


_by_unit: ContextVar[bool] = ContextVar("by_unit", default=False)


def wrap(loss: Callable[..., Any], policy: str) -> Callable[..., Any]:
    """`loss`, whose gradient saves what the policy, one of `POLICIES`, names."""
    assert policy in POLICIES
    if policy == "lean":
        return jax.checkpoint(loss, policy=jax.checkpoint_policies.save_only_these_names(*LEAN))

    def by_unit(*args: Any) -> Any:
        token = _by_unit.set(True)
        try:
            return loss(*args)
        finally:
            _by_unit.reset(token)

    return by_unit if policy == "rows" else loss


def unit(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build(module, x)`; with `rows`, only `x` is saved for its gradient.

    One unit a module: with larger ones XLA recomputes earlier than the gradient needs it.
    """
    return nn.remat(build) if _by_unit.get() else build
