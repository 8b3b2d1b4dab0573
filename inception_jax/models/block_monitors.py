"""What a network notes of its blocks while it runs, if asked: signs that it dies.

Residual networks of more than a thousand filters "died" early in training: the last layer before
the average pooling gave only zeros (1602.07261, section 3.3). So each residual module notes what it
adds beside what it adds to, and each block which of its channels are still alive.

Asked is `model.apply(..., mutable=[..., COLLECTION])`; unasked, a network's program is what it
would be without this file.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from inception_jax.models.lowering.ops import wide
from inception_jax.models.lowering.preactivation import materialize

Array = jax.Array
COLLECTION = "monitors"
RATIO, DEAD = "residual_ratio", "dead_relu"
FLOOR = 1e-12  # of a trunk: what is added to nothing has a large ratio, not an infinite one


def asked(module: nn.Module) -> bool:
    """Whether the caller collects notes; initialisation never does."""
    return module.is_mutable_collection(COLLECTION) and not module.is_initializing()


def residual(module: nn.Module, branch: Array, trunk: Array) -> None:
    """Notes rms(branch) / rms(trunk), of arrays [b, h, w, c] about to be added: one number."""
    if asked(module):
        module.put_variable(COLLECTION, RATIO, rms(branch) / jnp.maximum(rms(trunk), FLOOR))


def rectified(module: nn.Module, x: Array) -> None:
    """Notes the share of dead channels of a module's output `x` [b, h, w, c], a ReLU's."""
    if asked(module):
        module.put_variable(COLLECTION, DEAD, dead(x))


def row(network: nn.Module, name: str, x: Any) -> None:
    """Notes the share of dead channels of the output `x` [b, h, w, c] of a network's row.

    Residual modules note for themselves, since not all of them end in a ReLU. Every other row that
    has parameters does, or joins branches of which each does; where a pool's branch is passed on,
    its channels count too. Pools and LRN would say again what the row before them said.
    """
    if not asked(network):
        return
    variables = network.variables
    if name in variables["params"] and name not in variables.get(COLLECTION, {}):
        network.put_variable(COLLECTION, name, {DEAD: dead(materialize(x))})


def rms(x: Array) -> Array:
    """Root of the mean square of all of `x`, float32 at least."""
    x = jax.lax.stop_gradient(x)
    return jnp.sqrt(jnp.mean(jnp.square(x.astype(wide(x.dtype)))))


def dead(x: Array) -> Array:
    """Share of the channels of `x` [b, h, w, c] that are 0 at every place of every image."""
    fires = jnp.any(jax.lax.stop_gradient(x) != 0, axis=(0, 1, 2))  # NaN does not count as dead
    return jnp.mean(~fires, dtype=jnp.float32)


def by_kind(noted: Any) -> dict[str, dict[str, Array]]:
    """The collection as {RATIO: {block: number}, DEAD: {...}}."""
    found: dict[str, dict[str, Array]] = {RATIO: {}, DEAD: {}}
    for name, notes in blocks(noted):
        for kind, value in notes.items():
            found[kind][name] = value
    return found


def blocks(tree: Any) -> Iterator[tuple[str, Any]]:
    """The blocks of a tree of parameters, gradients or notes: by row, each repeat by itself.

    Repeats are numbered: `block8_3` is the third module of row `block8`.
    """
    for name, below in tree.items():
        if isinstance(below, Mapping) and all(key.isdigit() for key in below):
            yield from ((f"{name}_{key}", part) for key, part in below.items())
        else:
            yield name, below
