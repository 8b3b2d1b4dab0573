"""Units: the layers of a network that hold arrays, in the order in which the tables list them."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from inception_jax import models
from inception_jax.models import Network


class Unit(NamedTuple):
    """One layer with arrays.

    Attributes:
        path: of our parameters, such as `mixed_5b/branch_1_0`.
        leaves: our arrays of it: (collection, name below the path, shape).
    """

    path: str
    leaves: tuple[tuple[str, str, tuple[int, ...]], ...]


OWN = ("kernel", "bias", "scale", "mean", "var")


def units(model: Network) -> list[Unit]:
    """Every layer of `model` that holds arrays: rows top to bottom, branches left to right.

    A convolution has its BatchNorm with it (`bn/scale`); the two halves of a separable convolution
    are two units (`conv_3` and `conv_3/pointwise`). Nothing is allocated.
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
    for name in OWN:
        if hasattr(tree.get(name), "shape"):
            leaves.append(("params", name, tree[name].shape))
    # A BatchNorm belongs to the convolution it is in; facenet's last one stands alone.
    norm = "bn/" if "bn" in tree else "" if path == "bn" else None
    if norm is not None:
        for kind in ("params", "batch_stats"):
            below = _at(shapes[kind], f"{path}/{norm}".strip("/"))
            names = [n for n in OWN if n in below and (norm or kind == "batch_stats")]
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
