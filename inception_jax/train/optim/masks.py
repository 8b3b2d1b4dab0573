"""Masks of the parameters that something acts on."""

from typing import Any

import jax


def kernels(params: Any) -> Any:
    """Mask of the leaves that weight decay acts on: kernels, as for L2."""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key == "kernel", params)
