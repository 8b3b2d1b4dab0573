"""Read weight files of other frameworks as named arrays; no pickle is ever executed."""

import json
import re
import zipfile
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
        return _renumbered(_keras3(h5, None))


def _keras2(group: Any) -> dict[str, np.ndarray]:
    """The older layout, in which every weight has a name."""
    out = {}
    for layer in group.attrs["layer_names"]:
        for name in group[layer].attrs["weight_names"]:
            layer_name, name_ = (_text(x) for x in (layer, name))
            leaf = name_.rsplit("/", 1)[-1].split(":")[0]
            out[f"{layer_name}/{leaf}"] = group[layer][name][()]
    return out


# The order in which Keras 3 saves a layer's weights, by class.
ORDER = {
    "Conv2D": ("kernel", "bias"), "Dense": ("kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
}  # fmt: skip


def _keras3(h5: Any, layers: list[tuple[str, str]] | None) -> dict[str, np.ndarray]:
    """Keras 3's layout: weights by number, below the layer's class and count."""
    out = {}
    counts: dict[str, int] = {}
    names = {}
    for kind, name in layers or []:
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower().replace("2_d", "2d")
        snake = snake.replace("_2d", "2d")
        count = counts.get(snake, 0)
        counts[snake] = count + 1
        names[f"{snake}_{count}" if count else snake] = (kind, name)
    group = h5["layers"] if "layers" in h5 else h5["_layer_checkpoint_dependencies"]
    for key in group:
        if "vars" not in group[key] or not len(group[key]["vars"]):
            continue
        saved = group[key]
        values = [saved["vars"][str(i)][()] for i in range(len(saved["vars"]))]
        kind, name = names.get(key, (_class_of(key), _text(saved.attrs.get("name", key))))
        if kind == "BatchNormalization":
            leaves = ("gamma", "beta", "moving_mean", "moving_variance")[4 - len(values) :]
        else:
            leaves = ORDER[kind][: len(values)]
        out.update({f"{name}/{leaf}": v for leaf, v in zip(leaves, values, strict=True)})
    return out


def _class_of(key: str) -> str:
    kind = re.sub(r"_\d+$", "", key)
    return {
        "conv2d": "Conv2D", "dense": "Dense", "separable_conv2d": "SeparableConv2D",
        "batch_normalization": "BatchNormalization",
    }[kind]  # fmt: skip


def _renumbered(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Renames `conv2d_94` to `conv2d_0` if it is the file's first; other names stay."""
    layers = dict.fromkeys(name.split("/")[0] for name in arrays)
    new = {}
    for kind in ("conv2d", "batch_normalization"):
        auto = [n for n in layers if re.fullmatch(rf"{kind}(_\d+)?", n)]
        auto.sort(key=_number)
        new.update({n: f"{kind}_{i}" for i, n in enumerate(auto)})
    return {
        f"{new.get(layer, layer)}/{leaf}": value
        for (layer, leaf), value in ((name.split("/"), v) for name, v in arrays.items())
    }


def _number(layer: str) -> int:
    """94 of `conv2d_94`, 0 of `conv2d`."""
    tail = layer.rsplit("_", 1)[-1]
    return int(tail) if tail.isdigit() else 0


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
