"""Units: the layers of a network that have arrays, in the order of the peers' tables."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from inception_jax import models
from inception_jax.models import Network


class Unit(NamedTuple):
    """One layer with arrays.

    Attributes:
        path: in our parameters, such as `mixed_5b/branch_1_0`.
        leaves: its arrays: (collection, name below the path, shape).
    """

    path: str
    leaves: tuple[tuple[str, str, tuple[int, ...]], ...]


LEAVES = ("kernel", "bias", "scale", "mean", "var")


def units(model: Network) -> list[Unit]:
    """Lists the layers of `model` that have arrays: rows top to bottom, branches left to right.

    A convolution's unit includes its BatchNorm (`bn/scale`); the two halves of a separable
    convolution are two units (`conv_3` and `conv_3/pointwise`). Nothing is allocated.
    """
    shapes = jax.eval_shape(lambda: models.init(model))
    order = [r.name for r in model.rows()]
    heads = [k for k in shapes["params"] if k.startswith("aux_")]
    rest = [k for k in shapes["params"] if k not in {*order, *heads}]
    names = [k for k in (*order, *rest, *heads) if k in shapes["params"]]
    return [unit for name in names for unit in _below(shapes, name)]


def _below(shapes: Any, path: str) -> Iterator[Unit]:
    """The units at and below `path`."""
    tree = _at(shapes["params"], path)
    leaves = []
    for name in LEAVES:
        if hasattr(tree.get(name), "shape"):
            leaves.append(("params", name, tree[name].shape))
    # A BatchNorm belongs to its convolution; facenet's last one is a layer of its own.
    norm = "bn/" if "bn" in tree else "" if path == "bn" else None
    if norm is not None:
        for kind in ("params", "batch_stats"):
            below = _at(shapes[kind], f"{path}/{norm}".strip("/"))
            names = [n for n in LEAVES if n in below and (norm or kind == "batch_stats")]
            leaves += [(kind, f"{norm}{n}", below[n].shape) for n in names]
    if leaves:
        yield Unit(path, tuple(leaves))
    for key in sorted((k for k in tree if k != "bn" and isinstance(tree[k], dict)), key=_natural):
        yield from _below(shapes, f"{path}/{key}")


def _natural(name: str) -> list[int | str]:
    """`block_10` after `block_9`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _at(tree: Any, path: str) -> Any:
    for key in path.split("/"):
        tree = tree[key]
    return tree
