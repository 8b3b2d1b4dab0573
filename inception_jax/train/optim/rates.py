"""Rates of layers: factors on the updates of rows of the network."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import optax


def scale(layers: Collection[str], factor: float) -> optax.GradientTransformation:
    """Multiplies the updates of the named layers, which are the tree's first keys."""

    def update(updates: Any, _: Any) -> Any:
        return {k: optax.tree.scale(factor, v) if k in layers else v for k, v in updates.items()}

    return optax.stateless(update)


def depths(rows: Sequence[str], params: Mapping[str, Any]) -> dict[str, int]:
    """The layers of `params` by depth: classifiers 0, the last of `rows` 1, the one below it 2.

    Rows without parameters, such as pools, do not count.
    """
    below = [name for name in reversed(rows) if name in params]
    return {name: 1 + below.index(name) if name in below else 0 for name in params}


def scale_by_depth(rows: Sequence[str], factor: float) -> optax.GradientTransformation:
    """Multiplies the update of a layer by factor^depth.

    As BEiT (arXiv:2106.08254) and timm's `param_groups_layer_decay`: the classifiers learn at lr,
    the last row at factor * lr, the one below it at factor^2 * lr.
    """

    def update(updates: Any, _: Any) -> Any:
        by = depths(rows, updates)
        return {k: optax.tree.scale(factor ** by[k], v) for k, v in updates.items()}

    return optax.stateless(update)


def without(
    tx: optax.GradientTransformation, layers: Collection[str]
) -> optax.GradientTransformation:
    """`tx` of all but the named layers, the tree's first keys, which get no update and no state."""
    if not layers:
        return tx

    def labels(params: Any) -> Any:
        return {k: jax.tree.map(lambda _, k=k: k in layers, v) for k, v in params.items()}

    return optax.partition({True: optax.set_to_zero(), False: tx}, labels)


def without_kernels(
    tx: optax.GradientTransformation, layers: Collection[str]
) -> optax.GradientTransformation:
    """`tx` that updates no kernel of the named layers, the tree's first keys; `tx` if none."""
    if not layers:
        return tx

    def kept(params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, _: path[0].key in layers and path[-1].key == "kernel", params
        )

    return optax.chain(tx, optax.masked(optax.set_to_zero(), kept))
