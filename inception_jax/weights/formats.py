"""Read weight files of other frameworks as named arrays; no pickle is ever executed.

A file's kind is read from its content: `model_best.pth.tar` and Lightning's `.ckpt` are torch's.
"""

import atexit
import shutil
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from inception_jax.errors import ConfigError, DataError
from inception_jax.weights import keras_format, torch_format
from inception_jax.weights.weight_file import Leaf, WeightFile, in_memory

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


def read(path: Path) -> WeightFile:
    """Reads the arrays of a weight file by name; names of nested mappings are joined with dots.

    Args:
        path: a file of safetensors, NumPy (.npz), torch or Keras, or a TensorFlow checkpoint (its
            prefix, its .index or .data file, or its folder); or a zip archive, such as a Python
            wheel, with one such file in it.

    Raises:
        ConfigError: no such file, or its library is not installed.
        DataError: the file is damaged or of no known kind.
    """
    kind = _kind(path)
    if kind == "archive":
        return read(_extracted(path))
    readers = {
        "safetensors": _safetensors, "npz": _npz, "torch": torch_format.read,
        "keras": keras_format.read, "tensorflow": _tensorflow,
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
    if len(found := _weight_files(names)) == 1:
        return "archive"
    what = f"{len(found)} weight files: {found[:3]}" if found else str(names[:3])
    raise DataError(
        f"{path}: expected weights ({known_kinds()}), this is a zip archive of {what}; "
        f"unpack it first"
    )


def _weight_files(names: list[str]) -> list[str]:
    """Those names of an archive that have the usual ending of a weight file."""
    endings = tuple(suffix for kind in SUFFIXES.values() for suffix in kind)
    return [name for name in names if name.endswith(endings)]


def _extracted(path: Path) -> Path:
    """The only weight file of an archive, in a folder that is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="inception_jax-")  # its arrays are read when they are used
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with zipfile.ZipFile(path) as archive:
        return Path(archive.extract(_weight_files(archive.namelist())[0], folder))


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
