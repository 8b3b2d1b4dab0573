"""A peer's arrays as a network's variables, and back."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from inception_jax.errors import DataError
from inception_jax.models import Network
from inception_jax.weights.formats import Arrays
from inception_jax.weights.layouts import LayerNames, Layout
from inception_jax.weights.units import Unit, units

Names = dict[str, list[LayerNames]]


@dataclass(frozen=True)
class Moved:
    """One array that was taken: its name here, its name there, and its shape here."""

    ours: str
    theirs: str
    shape: tuple[int, ...]


def places(model: Network, names: Names) -> list[tuple[Unit, LayerNames]]:
    """Every layer of `model` with its place in the peer.

    Raises:
        ValueError: the peer's table and the network do not have the same layers.
    """
    found: dict[str, list[Unit]] = {}
    for unit in units(model):
        found.setdefault(unit.path.split("/")[0], []).append(unit)
    pairs = []
    for row, here in found.items():
        there = names.get(row, [])
        if len(here) != len(there):
            raise ValueError(f"{row}: {len(here)} layers here, {len(there)} in the peer's table")
        pairs += zip(here, there, strict=True)
    return pairs


def take(
    model: Network, names: Names, layout: Layout, theirs: Arrays, ignored: str = ""
) -> tuple[dict[str, Any], list[Moved]]:
    """The variables of `model`, filled from a peer's arrays; each of both is used exactly once.

    Args:
        model: the network.
        names: the peer's table of places.
        layout: the peer's axes and names of leaves.
        theirs: the peer's arrays.
        ignored: a pattern of names in `theirs` that carry nothing for us.

    Raises:
        DataError: something is missing, left over, or of another shape; the first three are named.
    """
    out: dict[str, Any] = {"params": {}, "batch_stats": {}}
    moved, wrong, used = [], [], set()
    for unit, place in places(model, names):
        for kind, leaf, shape in unit.leaves:
            key, ours = layout.key(place, leaf), f"{unit.path}/{leaf}"
            used.add(key)
            if key not in theirs:
                wrong.append(f"{ours}: expected {key}, not in the file")
                continue
            value = layout.ours(place.kind, shape, theirs[key])
            if value.shape != shape:
                wrong.append(f"{ours}: expected {list(shape)}, {key} has {list(value.shape)}")
                continue
            tree = out[kind]
            *parents, last = ours.split("/")
            for parent in parents:
                tree = tree.setdefault(parent, {})
            tree[last] = np.ascontiguousarray(value, np.float32)
            moved.append(Moved(ours, key, shape))
    left = [k for k in theirs if k not in used and not (ignored and re.search(ignored, k))]
    wrong += [
        f"{key} {list(theirs[key].shape)}: in the file, nothing here takes it" for key in left
    ]
    if wrong:
        more = f"\n  and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DataError("\n  ".join(["the file does not fit:", *wrong[:3]]) + more)
    return out, moved


def give(model: Network, names: Names, layout: Layout, variables: Any) -> dict[str, np.ndarray]:
    """The peer's arrays of `variables`: the way back of `take`.

    Raises:
        ValueError: there is no way back to this peer, or it has other layers.
    """
    if layout.theirs is None:
        raise ValueError("weights are handed back in torch's names only, not in TensorFlow's")
    out = {}
    for unit, place in places(model, names):
        for kind, leaf, _ in unit.leaves:
            tree = variables[kind]
            for key in f"{unit.path}/{leaf}".split("/"):
                tree = tree[key]
            out[layout.key(place, leaf)] = layout.theirs(place.kind, np.asarray(tree))
    return out
