"""Rates of layers: factors on the updates of rows of the network."""

from collections.abc import Collection
from typing import Any

import optax


def scale(layers: Collection[str], factor: float) -> optax.GradientTransformation:
    """Multiplies the updates of the named layers, which are the tree's first keys."""

    def update(updates: Any, _: Any) -> Any:
        return {k: optax.tree.scale(factor, v) if k in layers else v for k, v in updates.items()}

    return optax.stateless(update)
