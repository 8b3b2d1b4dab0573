"""What a training step keeps of the forward pass for the backward pass, and computes again.

A convolution's gradients need what it read: an activation, which its neighbour's output and a
vector or two give back. `lean` keeps those: each convolution's output and the statistics of its
normalisation, not the normalised, rectified, concatenated copies; and of the stem, whose large
grids are half of all activations (Inception-v3), the end alone, so that the stem runs twice. `rows`
keeps what the stem and each module read, and runs each again when its gradient is asked for.
experiments/speed has what each costs and saves.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax
from flax import linen as nn
from jax.ad_checkpoint import checkpoint_name

# What arrays are called: the output of a convolution in the body, and in the stem; BatchNorm's
# vectors; what is not a function of those alone, as a residual sum, or the end of the stem; and the
# end of any other row.
CONVOLUTION, STEM, STATISTICS, BLOCK, ROW = "convolution", "stem", "statistics", "block", "row"

POLICIES = ("none", "lean", "rows")
LEAN = (CONVOLUTION, STATISTICS, BLOCK)

named: Callable[[Any, str], Any] = checkpoint_name


_by_unit: ContextVar[bool] = ContextVar("by_unit", default=False)


def wrap(loss: Callable[..., Any], policy: str) -> Callable[..., Any]:
    """`loss`, whose gradient keeps what the policy says; one of `POLICIES`."""
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
    """`build(module, x)`; with `rows` of what it computes only `x` is kept.

    Each by itself, as nothing else makes XLA put off running it again until its gradient's turn.
    """
    return nn.remat(build) if _by_unit.get() else build
