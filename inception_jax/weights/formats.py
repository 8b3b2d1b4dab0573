"""Read weight files of other frameworks as named arrays; no pickle is ever executed."""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.errors import ConfigError, DataError

Arrays = Mapping[str, np.ndarray]
SUFFIXES = {
    ".safetensors": "safetensors", ".npz": "npz", ".pth": "torch", ".pt": "torch", ".bin": "torch",
    ".h5": "keras", ".hdf5": "keras", ".keras": "keras", ".index": "tensorflow",
    ".ckpt": "tensorflow",
}  # fmt: skip


def read(path: Path) -> Arrays:
    """Reads the arrays of a weight file by name.

    Args:
        path: .safetensors, .npz, .pth, .pt, .bin (torch), .h5, .weights.h5, .keras, or a TensorFlow
            checkpoint (its prefix, or its .index file).

    Raises:
        ConfigError: no such file, or its library is not installed.
        DataError: the file is damaged or of another format than its suffix.
    """
    kind = SUFFIXES.get(path.suffix, "tensorflow" if _index(path).is_file() else "")
    if not kind:
        raise ConfigError(
            f"{path}: expected a file named *{', *'.join(SUFFIXES)} or the prefix of a TensorFlow "
            f"checkpoint"
        )
    if not (path.is_file() or _index(path).is_file()):
        raise ConfigError(f"expected a weight file at {path}, found none")
    readers = {
        "safetensors": _Safetensors, "npz": _npz, "torch": _torch, "keras": _keras,
        "tensorflow": _tensorflow,
    }  # fmt: skip
    try:
        return readers[kind](path)
    except ImportError as e:
        extra = {"torch": "peers", "tensorflow": "prepare"}.get(kind, "weights")
        raise ConfigError(
            f"{path}: reading it needs {e.name or e}: pip install 'inception-jax[{extra}]'"
        ) from e
    except (ConfigError, DataError):
        raise
    except Exception as e:
        reason = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise DataError(f"{path}: cannot be read as a {kind} file: {reason}") from e


def _index(path: Path) -> Path:
    return path if path.suffix == ".index" else path.with_name(path.name + ".index")


class _Safetensors(Mapping[str, np.ndarray]):
    """The arrays of a file, each read on access, so that memory never has all of them twice.

    The file is opened on each access, because an open one keeps in memory what was read of it.
    """

    def __init__(self, path: Path):
        from safetensors import safe_open

        self._open = partial(safe_open, path, framework="numpy")
        with self._open() as file:
            self._names = dict.fromkeys(file.keys())  # in the file's order

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        with self._open() as file:
            return file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _npz(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _torch(path: Path) -> Arrays:
    """A state dict; `weights_only` refuses pickles that execute code."""
    import torch  # pyright: ignore[reportMissingImports]

    try:
        # Memory-mapped: the arrays are copied once, when they are transposed to our layout.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as e:
        if "mmap" not in str(e):  # the format before torch 1.6 cannot be mapped
            raise
        state = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(state, dict) and not any(hasattr(v, "numpy") for v in state.values()):
        nested = [state[k] for k in ("state_dict", "model", "state_dict_ema") if k in state]
        if not nested:
            raise DataError(f"{path}: expected a state dict, got {list(state)[:3]}")
        state = nested[0]
    tensors = {k.removeprefix("module."): v for k, v in state.items() if hasattr(v, "numpy")}
    return {k: v.detach().numpy() for k, v in tensors.items()}


def _tensorflow(path: Path) -> Arrays:
    import tensorflow as tf

    prefix = str(path).removesuffix(".index")
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def _keras(path: Path) -> Arrays:
    """`layer/weight` of a .keras archive, a .weights.h5 or the older .h5; layers renumbered from 0.

    Keras numbers all layers of a session: `conv2d_94` may be a network's first.
    """
    import h5py  # pyright: ignore[reportMissingImports]

    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            layers = [(x["class_name"], x["config"]["name"]) for x in config["config"]["layers"]]
            with archive.open("model.weights.h5") as f, h5py.File(f, "r") as h5:
                return _renumbered(_keras3(h5, layers))
    with h5py.File(path, "r") as h5:
        group: Any = h5.get("model_weights", h5)
        if "layer_names" in group.attrs:
            return _renumbered(_keras2(group))
        return _renumbered(_keras3(h5, []))


def _keras2(group: Any) -> dict[str, np.ndarray]:
    """The older layout, in which every weight has a name."""
    out = {}
    for layer in group.attrs["layer_names"]:
        for name in group[layer].attrs["weight_names"]:
            leaf = _text(name).rsplit("/", 1)[-1].split(":")[0]
            out[f"{_text(layer)}/{leaf}"] = group[layer][name][()]
    return out


# The order in which Keras 3 saves a layer's weights, by its class in the file.
ORDER = {
    "conv2d": ("kernel", "bias"), "dense": ("kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}  # fmt: skip
IN_FILE = {kind.replace("_", ""): kind for kind in ORDER}  # `Conv2D` in lower case: `conv2d`


def _keras3(h5: Any, layers: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Keras 3's layout: weights by number, below the layer's class and count."""
    out, names = {}, {}
    counts: Counter[str] = Counter()
    for class_name, name in layers:
        if kind := IN_FILE.get(class_name.lower()):
            names[f"{kind}_{counts[kind]}".removesuffix("_0")] = name
            counts[kind] += 1
    group = h5["layers"] if "layers" in h5 else h5["_layer_checkpoint_dependencies"]
    for key, saved in group.items():
        values = [saved["vars"][str(i)][()] for i in range(len(saved.get("vars", ())))]
        if not values:
            continue
        kind = re.sub(r"_\d+$", "", key)
        name = names.get(key) or _text(saved.attrs.get("name", key))
        # What a layer may lack is its last weight, the bias; for a BatchNorm the first, gamma.
        norm = kind == "batch_normalization"
        leaves = ORDER[kind][-len(values) :] if norm else ORDER[kind][: len(values)]
        out.update({f"{name}/{leaf}": v for leaf, v in zip(leaves, values, strict=True)})
    return out


def _renumbered(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Renames `conv2d_94` to `conv2d_0` if it is the file's first; other names stay."""
    layers = dict.fromkeys(name.split("/")[0] for name in arrays)
    new = {}
    for kind in ("conv2d", "batch_normalization"):
        auto = [n for n in layers if re.fullmatch(rf"{kind}(_\d+)?", n)]
        auto.sort(key=lambda name: (len(name), name))  # conv2d, conv2d_94, conv2d_100
        new.update({n: f"{kind}_{i}" for i, n in enumerate(auto)})
    out = {}
    for name, value in arrays.items():
        layer, leaf = name.split("/")
        out[f"{new.get(layer, layer)}/{leaf}"] = value
    return out


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
