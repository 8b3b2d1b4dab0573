"""The rows of a network that a method can look at, and the probes of `models.probes` there."""

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from inception_jax.explain.program import Variables
from inception_jax.models import probes
from inception_jax.models.names import known
from inception_jax.models.network import Network

Shape = tuple[int, ...]


def chosen(model: Network, variables: Variables, size: int, row: str | None) -> str:
    """`row`, or without one the last row whose grid has more than one position.

    Args:
        model: the network.
        variables: its variables.
        size: side of the image in pixels.
        row: a name of `model.rows()`.

    Raises:
        ValueError: there is no such row; the message lists them.
    """
    names = tuple(r.name for r in model.rows())
    if row is not None:
        return known("row", row, names)
    shapes = of_network(model, variables, size)
    with_grid = [name for name in names if shapes[probes.row_name(name)].shape[1] > 1]
    return with_grid[-1] if with_grid else names[-1]


def of_network(model: Network, variables: Variables, size: int) -> dict[str, Any]:
    """The shapes of a network's probes for one image: of its rows, and of its modules' paths."""
    shapes = jax.tree.map(lambda x: (x.shape, x.dtype), dict(variables))
    leaves, tree = jax.tree.flatten(shapes, is_leaf=lambda x: isinstance(x, tuple))
    hashable: Any = model  # pyright does not see that flax makes modules so
    return _of_network(hashable, tuple(leaves), tree, size)


@lru_cache(maxsize=16)
def _of_network(model: Network, leaves: Any, tree: Any, size: int) -> dict[str, Any]:
    variables = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
    image = jax.ShapeDtypeStruct((1, size, size, 3), model.dtype)
    trace = partial(model.apply, train=False, mutable=[probes.COLLECTION])
    return jax.eval_shape(trace, variables, image)[1][probes.COLLECTION]


def gates(model: Network, variables: Variables, size: int) -> dict[str, Any]:
    """A gate of ones for each path of each module: {row: {path: [1, h, w, 1]}}.

    A row of several modules has one more level, their numbers.
    """
    shapes = of_network(model, variables, size)
    names = {probes.row_name(row.name) for row in model.rows()}
    inside = {name: part for name, part in shapes.items() if name not in names}
    return jax.tree.map(lambda s: jnp.ones(s.shape, s.dtype), inside)
