"""Signs of dead layers that a network records for each block, on request.

Residual networks of more than a thousand filters "died" early in training: the last layer before
the average pooling gave only zeros (1602.07261, section 3.3). So each residual module records the
size of its branch relative to its input, and each block the share of channels that are dead.

The request is `model.apply(..., mutable=[..., COLLECTION])`; without it the program of a network
does not contain any of this.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models.lowering.ops import wide
from inception_jax.models.lowering.preactivation import Activation, materialize

COLLECTION = "monitors"
RATIO, DEAD = "residual_ratio", "dead_relu"
FLOOR = (
    1e-12  # of a backbone's rms: added to zeros, a branch has a large ratio, not an infinite one
)


def requested(module: nn.Module) -> bool:
    """Whether the caller collects monitors; initialisation never does."""
    return module.is_mutable_collection(COLLECTION) and not module.is_initializing()


def residual(
    module: nn.Module, branch: Float[Array, "b h w c"], backbone: Float[Array, "b h w c"]
) -> None:
    """Record rms(branch) / rms(backbone) of two arrays that are added."""
    if requested(module):
        module.put_variable(COLLECTION, RATIO, rms(branch) / jnp.maximum(rms(backbone), FLOOR))


def rectified(module: nn.Module, x: Float[Array, "b h w c"]) -> None:
    """Record the share of dead channels of a module's output `x`, which ends in a ReLU."""
    if requested(module):
        module.put_variable(COLLECTION, DEAD, dead(x))


def row(network: nn.Module, name: str, x: Activation) -> None:
    """Record the share of dead channels of the output `x` of a network's row.

    Not of residual modules, which record their own, since not all of them end in a ReLU; nor of
    rows without parameters (pools, LRN), which repeat the row before them. Every other row ends in
    a ReLU, or joins branches that do; the channels that a pool's branch passes on count too.
    """
    if not requested(network):
        return
    variables = network.variables
    if name in variables["params"] and name not in variables.get(COLLECTION, {}):
        network.put_variable(COLLECTION, name, {DEAD: dead(materialize(x))})


def rms(x: Float[Array, "b h w c"]) -> Float[Array, ""]:
    """Root of the mean square of all of `x`, float32 at least."""
    x = jax.lax.stop_gradient(x)
    return jnp.sqrt(jnp.mean(jnp.square(x.astype(wide(x.dtype)))))


def dead(x: Float[Array, "b h w c"]) -> Float[Array, ""]:
    """Share of the channels of `x` that are 0 at every pixel of every image."""
    fires = jnp.any(jax.lax.stop_gradient(x) != 0, axis=(0, 1, 2))  # NaN does not count as dead
    return jnp.mean(~fires, dtype=jnp.float32)


def by_kind(collection: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The collection as {RATIO: {block: number}, DEAD: {...}}."""
    kinds: dict[str, dict[str, Any]] = {RATIO: {}, DEAD: {}}
    for name, values in blocks(collection):
        for kind, value in values.items():
            kinds[kind][name] = value
    return kinds


def blocks(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The blocks of a tree of parameters, gradients or monitors: by row, each repeat by itself.

    Repeats are numbered: `block8_3` is the third module of row `block8`.
    """
    for name, below in tree.items():
        if isinstance(below, Mapping) and all(key.isdigit() for key in below):
            yield from ((f"{name}_{key}", part) for key, part in below.items())
        else:
            yield name, below
