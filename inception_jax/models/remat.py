"""What a training step keeps of the forward pass for the backward pass, and computes again.

A convolution's gradients need what it read: an activation, which its neighbour's output and a
vector or two give back. `lean` keeps those: each convolution's output and the statistics of its
normalisation, not the normalised, rectified, concatenated copies; and of the stem, whose large
grids are half of all activations (Inception-v3), the end alone, so that the stem runs twice. `rows`
keeps each row's output and runs everything twice. experiments/speed has what each costs and saves.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.ad_checkpoint import checkpoint_name

# What arrays are called: the output of a convolution in the body, and in the stem; BatchNorm's
# vectors; what is not a function of those alone, as a residual sum, or the end of the stem; and the
# end of any other row.
CONVOLUTION, STEM, STATISTICS, BLOCK, ROW = "convolution", "stem", "statistics", "block", "row"

KEPT: dict[str, tuple[str, ...] | None] = {
    "none": None,  # all that the backward pass reads
    "lean": (CONVOLUTION, STATISTICS, BLOCK),
    "rows": (BLOCK, ROW),
}

named: Callable[[Any, str], Any] = checkpoint_name


def wrap(loss: Callable[..., Any], policy: str) -> Callable[..., Any]:
    """`loss`, whose gradient keeps what the policy says; a key of `KEPT`."""
    names = KEPT[policy]
    if names is None:
        return loss
    return jax.checkpoint(loss, policy=jax.checkpoint_policies.save_only_these_names(*names))
