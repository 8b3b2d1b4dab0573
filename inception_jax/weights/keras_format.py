"""Keras's files: .keras, .weights.h5 and the older .h5, with models nested in models.

A layer's path has the names of the models it is nested in: `xception/block1_conv1/kernel`. Keras
numbers all automatic names of a session, so they are renumbered from 0 in each model.
"""

import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.weights.formats import WeightFile, in_memory, plain

Layers = list[dict[str, Any]]  # a model's layers as its config lists them
# The order in which Keras 3 saves a layer's weights, by its class in the file.
ORDER = {
    "conv2d": ("kernel", "bias"), "dense": ("kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}  # fmt: skip
LAYERS = ("layers", "_layer_checkpoint_dependencies")  # groups of Keras 3 that are no layers
AUTOMATIC = re.compile(r"(.*/)?(conv2d|batch_normalization)(_\d+)?")


def read(path: Path) -> WeightFile:
    """Reads every layer's weights as `layer/weight`, and the classes of layers where stated."""
    import h5py  # pyright: ignore[reportMissingImports]

    if path.is_dir() or zipfile.is_zipfile(path):
        config, weights = _archive(path)
        with h5py.File(weights, "r") as h5:
            return _renumbered(dict(_keras3(h5, config)), list(_in_order(config)))
    with h5py.File(path, "r") as h5:
        group: Any = h5.get("model_weights", h5)
        if "layer_names" not in group.attrs:
            return _renumbered(dict(_keras3(h5, [])), [])
        config = json.loads(h5.attrs.get("model_config", "{}")).get("config", {})
        # A Sequential of Keras 2.2 is the list itself.
        layers = config.get("layers", []) if isinstance(config, dict) else config
        return _renumbered(_keras2(group), list(_in_order(layers)))


def _archive(path: Path) -> tuple[Layers, Any]:
    """The layers and the weights of a .keras archive, or of a folder with the same files."""
    if path.is_dir():
        config, weights = (path / "config.json").read_bytes(), path / "model.weights.h5"
    else:
        with zipfile.ZipFile(path) as archive:
            config = archive.read("config.json")
            weights = io.BytesIO(archive.read("model.weights.h5"))
    return json.loads(config)["config"].get("layers", []), weights


def _below(layer: dict[str, Any]) -> Layers:
    """The layers of a nested model; empty for any other layer."""
    config = layer.get("config", {})
    return config.get("layers", []) if isinstance(config, dict) else []


def _in_order(layers: Layers, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, class) of every layer, those of nested models in their place."""
    for layer in layers:
        name = f"{path}{_name(layer)}"
        if below := _below(layer):
            yield from _in_order(below, f"{name}/")
        else:
            yield name, layer["class_name"]


def _name(layer: dict[str, Any]) -> str:
    return layer.get("config", {}).get("name") or layer.get("name", "")


def _keras2(group: Any) -> dict[str, np.ndarray]:
    """The older layout, in which every weight has a name."""
    out = {}
    for layer in map(_text, group.attrs["layer_names"]):
        names = [_text(name) for name in group[layer].attrs["weight_names"]]
        ends = {name: name.split(":")[0].split("/")[-2:] for name in names}
        nested = len({end[0] for end in ends.values()}) > 1  # the layers of a nested model
        for name, end in ends.items():
            out["/".join([layer, *(end if nested else end[-1:])])] = plain(group[layer][name][()])
    return out


def _keras3(group: Any, config: Layers, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Keras 3's layout: weights by number, below the layer's class and count."""
    layers: dict[str, dict[str, Any]] = {}
    counts: Counter[str] = Counter()
    for layer in config:
        kind = _snake_case(layer["class_name"])
        layers[f"{kind}_{counts[kind]}".removesuffix("_0")] = layer
        counts[kind] += 1
    for key, saved in group.items():
        if key in LAYERS:
            yield from _keras3(saved, config, path)
        elif key != "vars" and not (key == "optimizer" and not path) and hasattr(saved, "items"):
            layer, stored = layers.get(key, {}), saved.get("vars", {})
            name = _text(getattr(stored, "attrs", {}).get("name") or _name(layer) or key)
            values = [_value(stored[str(i)]) for i in range(len(stored))]
            for leaf, value in zip(_leaves(key, values), values, strict=True):
                yield f"{path}{name}/{leaf}", value
            yield from _keras3(saved, _below(layer), f"{path}{name}/")


def _leaves(key: str, values: list[np.ndarray]) -> tuple[str, ...]:
    """The names of a layer's weights; its attribute's name, as `head`, does not say its class."""
    kind = re.sub(r"_\d+$", "", key)
    if kind not in ORDER and [x.ndim for x in values] == [2, 1]:
        kind = "dense"
    names, count = ORDER.get(kind, ()), len(values)
    if count > len(names):
        return tuple(map(str, range(count)))
    # What a layer may lack is its last weight, the bias; for a BatchNorm the first, gamma.
    return names[len(names) - count :] if kind == "batch_normalization" else names[:count]


def _value(dataset: Any) -> np.ndarray:
    dtype = _text(dataset.attrs.get("dtype", ""))
    value = dataset[()]
    return value.view(dtype) if dtype and value.dtype.kind == "V" else value


def _snake_case(name: str) -> str:
    """`SeparableConv2D` as `separable_conv2d`: Keras's own rule."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _renumbered(arrays: dict[str, np.ndarray], layers: list[tuple[str, str]]) -> WeightFile:
    """Renames `conv2d_94` to `conv2d_0` if it is its model's first; other names stay."""
    automatic: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(name.rsplit("/", 1)[0] for name in arrays):
        if match := AUTOMATIC.fullmatch(name):
            automatic[f"{match[1] or ''}{match[2]}"].append(name)
    new = {
        name: f"{kind}_{i}"
        for kind, names in automatic.items()
        # conv2d, conv2d_94, conv2d_100
        for i, name in enumerate(sorted(names, key=lambda name: (len(name), name)))
    }
    renamed = {}
    for name, value in arrays.items():
        layer, _, leaf = name.rpartition("/")
        renamed[f"{new.get(layer, layer)}/{leaf}"] = value
    return in_memory(renamed, [(new.get(path, path), kind) for path, kind in layers])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
