"""Where an explanation takes hold of a network: at each row's output, and at each path of a module.

A path is what a module joins: a branch before the concatenation, a shortcut before the sum. The
request is the collection of variables `probes`: of a row an array that is added to its output, of a
path a gate that multiplies it. At zeros and ones they change no value, and gradients by them are
gradients by activations. `model.apply(..., mutable=[COLLECTION])` makes all of them; any part of
them may be given. What is not given is not in the network's program.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models.lowering.preactivation import Activation, materialize

COLLECTION = "probes"
BRANCH, SHORTCUT = "branch", "shortcut"


def row_name(row: str) -> str:
    """The probe of a row's output, in the network's part of the collection."""
    return f"row_{row}"


def row(network: nn.Module, name: str, x: Activation) -> Activation:
    """The output `x` of row `name`, plus its probe [b, h, w, c]."""
    name = row_name(name)
    if _collected(network):
        network.put_variable(COLLECTION, name, jnp.zeros_like(materialize(x)))
    if not network.has_variable(COLLECTION, name):
        return x
    return materialize(x) + network.get_variable(COLLECTION, name)


def path(module: nn.Module, name: str, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """The output `x` of a module's path, times its gate [b, h, w, 1]; `intermediates` has it."""
    if _collected(module):
        module.put_variable(COLLECTION, name, jnp.ones_like(x[..., :1]))
    module.sow("intermediates", name, x)
    if not module.has_variable(COLLECTION, name):
        return x
    return x * module.get_variable(COLLECTION, name)


def branches(
    module: nn.Module, outputs: Sequence[Float[Array, "b h w _"]]
) -> list[Float[Array, "b h w _"]]:
    """The outputs of a module's branches, each as a `path`."""
    return [path(module, f"{BRANCH}_{i}", x) for i, x in enumerate(outputs)]


def _collected(module: nn.Module) -> bool:
    """Whether the caller collects the probes; initialisation never does."""
    return module.is_mutable_collection(COLLECTION) and not module.is_initializing()
