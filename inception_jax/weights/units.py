"""Units: the layers of a network that have arrays, in the order of the peers' tables."""

import re
from typing import Any, NamedTuple

import jax
from flax import traverse_util

from inception_jax import models
from inception_jax.models import Network


class Unit(NamedTuple):
    """One layer with arrays.

    Attributes:
        path: in our parameters, such as `mixed_5b/branch_1_0`.
        leaves: its arrays: (collection, name below the path, shape).
    """

    path: str
    leaves: list[tuple[str, str, tuple[int, ...]]]


LEAVES = ("kernel", "bias", "scale", "bn/bias", "bn/scale", "mean", "var", "bn/mean", "bn/var")


def units(model: Network) -> list[Unit]:
    """Lists the layers of `model` that have arrays: rows top to bottom, branches left to right.

    A convolution's unit includes its BatchNorm (`bn/scale`); the two halves of a separable
    convolution are two units (`conv_3` and `conv_3/pointwise`). Nothing is allocated.
    """
    shapes = jax.eval_shape(lambda: models.init(model))
    found: dict[str, Unit] = {}
    arrays: dict[str, Any] = traverse_util.flatten_dict(shapes, sep="/")
    for name, array in arrays.items():
        collection, _, name = name.partition("/")
        path, _, leaf = name.rpartition("/")
        # A BatchNorm belongs to its convolution; facenet's last one is a layer of its own.
        if path.endswith("/bn"):
            path, leaf = path.removesuffix("/bn"), f"bn/{leaf}"
        found.setdefault(path, Unit(path, [])).leaves.append((collection, leaf, array.shape))
    rows = {row.name: i for i, row in enumerate(model.rows())}

    def place(unit: Unit) -> tuple[int, list[list[int | str]]]:
        row, *_ = names = unit.path.split("/")
        after = len(rows) + row.startswith("aux_")
        return rows.get(row, after), [_natural(name) for name in names]

    for unit in found.values():
        unit.leaves.sort(key=lambda leaf: LEAVES.index(leaf[1]))
    return sorted(found.values(), key=place)


def _natural(name: str) -> list[int | str]:
    """`block_10` after `block_9`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
