"""Read weight files of other frameworks as named arrays; no pickle is ever executed.

A file's kind is read from its content: `model_best.pth.tar` and Lightning's `.ckpt` are torch's.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from inception_jax.errors import ConfigError, DataError

Arrays = Mapping[str, np.ndarray]
# The usual endings of each kind, for the documentation.
SUFFIXES = {
    "safetensors": (".safetensors",),
    "npz": (".npz",),
    "torch": (".pth", ".pt", ".bin", ".pth.tar", ".ckpt"),
    "keras": (".h5", ".weights.h5", ".hdf5", ".keras"),
    "tensorflow": (".index", ".ckpt"),
}
TABLE = (0xDB4775248B80FB57).to_bytes(8, "little")  # at the end of TensorFlow's tables
# How files start that hold no weights that can be read, and what to do with them.
FOREIGN = {
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"version https://git-lfs": "a Git LFS pointer: run `git lfs pull`",
    b"<": "a web page or XML, not the file it should link to",
    b"\x93NUMPY": "a single NumPy array; save all as .npz or .safetensors",
}


class Leaf(NamedTuple):
    """One array of a file, which `read` reads."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


class WeightFile(Mapping[str, np.ndarray]):
    """The arrays of a file, each read on access, so that memory never has all of them twice.

    Attributes:
        leaves: by name.
        layers: (path, class) of every layer in order, where the file states them (Keras).
    """

    def __init__(self, leaves: Mapping[str, Leaf], layers: Sequence[tuple[str, str]] = ()):
        self.leaves, self.layers = dict(leaves), list(layers)

    def __getitem__(self, name: str) -> np.ndarray:
        return plain(self.leaves[name].read())

    def __iter__(self) -> Iterator[str]:
        return iter(self.leaves)

    def __len__(self) -> int:
        return len(self.leaves)

    def renamed(self, names: Mapping[str, str]) -> "WeightFile":
        """The arrays `names` maps to, under its keys."""
        return WeightFile({new: self.leaves[old] for new, old in names.items()})


def in_memory(arrays: Mapping[str, Any], layers: Sequence[tuple[str, str]] = ()) -> WeightFile:
    """A file of arrays that are read already."""
    leaves = {k: Leaf(tuple(x.shape), partial(np.asarray, x)) for k, x in arrays.items()}
    return WeightFile(leaves, layers)


def plain(x: np.ndarray) -> np.ndarray:
    """`x` as numbers: NumPy and HDF5 store bfloat16 as two bytes without a meaning."""
    return x.view(ml_dtypes.bfloat16) if x.dtype.kind == "V" and x.dtype.itemsize == 2 else x


def read(path: Path) -> WeightFile:
    """Reads the arrays of a weight file by name; names of nested mappings are joined with dots.

    Args:
        path: a file of safetensors, NumPy (.npz), torch or Keras, or a TensorFlow checkpoint (its
            prefix, its .index or .data file, or its folder).

    Raises:
        ConfigError: no such file, or its library is not installed.
        DataError: the file is damaged or of no known kind.
    """
    kind = _kind(path)
    try:
        return _reader(kind)(path)
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


def _reader(kind: str) -> Callable[[Path], WeightFile]:
    if kind == "torch":
        from inception_jax.weights import torch_format

        return torch_format.read
    if kind == "keras":
        from inception_jax.weights import keras_format

        return keras_format.read
    return {"safetensors": _safetensors, "npz": _npz, "tensorflow": _tensorflow}[kind]


def _kind(path: Path) -> str:
    """The kind of a file, a key of SUFFIXES."""
    if _prefix(path) or (path / "checkpoint").is_file():
        return "tensorflow"
    if (path / "model.weights.h5").is_file():
        return "keras"
    if not path.is_file():
        found = "found a folder" if path.is_dir() else "found none"
        raise ConfigError(f"expected a weight file at {path}, {found}")
    with path.open("rb") as file:
        start = file.read(64)
        file.seek(max(path.stat().st_size - 8, 0))
        end = file.read()
    if start[:4] == b"PK\x03\x04":
        return _kind_of_zip(path)
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return "keras"
    if end == TABLE:
        return "tensorflow"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= path.stat().st_size:
        return "safetensors"
    if start[:1] == b"\x80":  # a pickle: torch's format before 1.6
        return "torch"
    known = (what for head, what in FOREIGN.items() if start.startswith(head))
    what = next(known, f"a file that starts with {start[:8]!r}") if start else "an empty file"
    raise DataError(f"{path}: expected weights ({known_kinds()}), this is {what}")


def known_kinds() -> str:
    """The kinds of file that are read, for a message."""
    return "safetensors, .npz, torch, Keras .keras or .h5, or a TensorFlow checkpoint"


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as e:
        raise DataError(f"{path}: damaged, probably an incomplete copy or download ({e})") from e
    if "model.weights.h5" in names:
        return "keras"
    if any(name.endswith("data.pkl") for name in names):
        return "torch"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    raise DataError(
        f"{path}: expected weights ({known_kinds()}), this is a zip archive of {names[:3]}; "
        f"unpack it first"
    )


def _prefix(path: Path) -> str:
    """The prefix of a TensorFlow checkpoint of several files; empty for anything else."""
    prefix = str(path).removesuffix(".index").removesuffix(".meta")
    head, mark, _ = prefix.rpartition(".data-")
    prefix = head if mark else prefix
    return prefix if Path(f"{prefix}.index").is_file() else ""


def _safetensors(path: Path) -> WeightFile:
    """Each array opens the file again, because an open one keeps in memory what was read of it."""
    from safetensors import safe_open

    def value(name: str) -> np.ndarray:
        with safe_open(path, framework="numpy") as file:
            return file.get_tensor(name)

    with safe_open(path, framework="numpy") as file:
        return WeightFile({
            name: Leaf(tuple(file.get_slice(name).get_shape()), partial(value, name))
            for name in file.keys()  # noqa: SIM118 (the file is no mapping)
        })  # fmt: skip


def _npz(path: Path) -> WeightFile:
    with np.load(path, allow_pickle=False) as arrays:
        return in_memory(dict(arrays))


def _tensorflow(path: Path) -> WeightFile:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(_prefix(path) or str(path))
    return WeightFile({
        name: Leaf(tuple(shape), partial(reader.get_tensor, name))
        for name, shape in reader.get_variable_to_shape_map().items()
    })  # fmt: skip
