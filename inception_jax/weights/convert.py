"""A peer's arrays as a network's variables, and back."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from flax import traverse_util

from inception_jax.errors import DataError, shown
from inception_jax.models import Network
from inception_jax.weights.layouts import LayerNames, Names
from inception_jax.weights.peers import Peer
from inception_jax.weights.units import Unit, units
from inception_jax.weights.weight_file import Arrays

SHOWN = 3  # mismatches named in an error


@dataclass(frozen=True)
class ImportedArray:
    """One imported array: its path in our variables, its name in the peer's file, our shape."""

    path: str
    peer_name: str
    shape: tuple[int, ...]


def match_layers(model: Network, names: Names) -> list[tuple[Unit, LayerNames]]:
    """Pairs every layer of `model` with its names in the peer.

    Raises:
        ValueError: the peer's table and the network have different numbers of layers in a row.
    """
    by_row: dict[str, list[Unit]] = {}
    for unit in units(model):
        by_row.setdefault(unit.path.split("/")[0], []).append(unit)
    pairs = []
    for row, ours in by_row.items():
        theirs = names.get(row, [])
        if len(ours) != len(theirs):
            raise ValueError(
                f"{row}: the network has {len(ours)} layers, the peer's table {len(theirs)}"
            )
        pairs += zip(ours, theirs, strict=True)
    return pairs


def import_arrays(
    model: Network, peer: Peer, arrays: Arrays
) -> tuple[dict[str, Any], list[ImportedArray]]:
    """Fills the variables of `model` from a peer's arrays, using every array exactly once.

    Raises:
        DataError: an array is missing, left over, or of another shape; the first three are named.
    """
    ours: dict[str, np.ndarray] = {}
    imported, errors, used, layout = [], [], set(), peer.layout
    for unit, layer in match_layers(model, peer.names()):
        for collection, leaf, shape in unit.leaves:
            key, path = layout.key(layer, leaf), f"{unit.path}/{leaf}"
            used.add(key)
            if key not in arrays:
                errors.append(f"{path}: expected {key}, not in the file")
                continue
            value = layout.from_peer(layer.kind, shape, arrays[key])
            if value.shape != shape:
                errors.append(f"{path}: expected {list(shape)}, {key} has {list(value.shape)}")
                continue
            ours[f"{collection}/{path}"] = np.ascontiguousarray(value, np.float32)
            imported.append(ImportedArray(path, key, shape))
    ignored = re.compile(f"{layout.ignored}|{peer.ignored}")
    unused = [k for k in arrays if k not in used and not ignored.search(k)]
    errors += [
        f"{shown(k)} {list(arrays[k].shape)}: in the file, not in the network" for k in unused
    ]
    if errors:
        more = f"\n  and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        raise DataError("\n  ".join(["the file does not fit:", *errors[:SHOWN]]) + more)
    return {"batch_stats": {}, **traverse_util.unflatten_dict(ours, sep="/")}, imported


def export_arrays(model: Network, peer: Peer, variables: Any) -> dict[str, np.ndarray]:
    """Returns `variables` under the peer's names and axes: the inverse of `import_arrays`.

    Raises:
        ValueError: the peer's layout cannot be written, or it has other layers.
    """
    layout = peer.layout
    if layout.to_peer is None:
        raise ValueError("expected a peer with torch's names; TensorFlow's cannot be written")
    flat, arrays = traverse_util.flatten_dict(variables, sep="/"), {}
    for unit, layer in match_layers(model, peer.names()):
        for collection, leaf, _ in unit.leaves:
            value = np.asarray(flat[f"{collection}/{unit.path}/{leaf}"])
            arrays[layout.key(layer, leaf)] = layout.to_peer(layer.kind, value)
    return arrays
