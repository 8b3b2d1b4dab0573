"""The layout of a tree of arrays in a step's folder, and its restoration on any devices.

Orbax takes a millisecond of Python per array, whatever its size, and a state of Inception-ResNet-v2
has 2,809 arrays, most of a kilobyte. So arrays that are complete in one process are concatenated,
one row of bytes per part of the state, and Orbax writes these few (`packed`); `index` holds their
offsets. Arrays that are sharded over processes are left to Orbax as they are (`split`).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath

from inception_jax.errors import DataError

ALIGN = 64  # bytes: a CPU device then uses the array without a copy
CHUNK, FILE = 16 << 20, 128 << 20  # bytes; several files, so that several cores can hash them


class OwnedBytes(np.ndarray):
    """Bytes with one owner: saves Orbax a deep copy that took seconds."""

    def __deepcopy__(self, memo: Any) -> "OwnedBytes":
        return self


def named(tree: Any) -> dict[str, Any]:
    """Map paths such as `params/conv0/conv/kernel` to the leaves."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def checkpointer(in_flight: int | None = None) -> ocp.Checkpointer:
    """Orbax's reader and writer of a step, with at most `in_flight` bytes in memory at a time.

    Processes wait for one another through JAX's coordination service, not on the devices, so that
    it can run in a thread beside the training.
    """
    limit: dict[str, Any] = {} if in_flight is None else {"save_concurrent_gb": in_flight / 1e9}
    several = ocp.options.MultiprocessingOptions(
        active_processes=set(range(jax.process_count())) if jax.process_count() > 1 else None
    )
    # Compression takes more time than it saves, and float32 weights shrink by 7%.
    few: dict[str, Any] = {"use_compression": False, "multiprocessing_options": several}
    handler = ocp.CompositeCheckpointHandler(
        composite_options=ocp.CompositeOptions(multiprocessing_options=several),
        packed=ocp.PyTreeCheckpointHandler(use_zarr3=True, **few),
        split=ocp.PyTreeCheckpointHandler(**few, **limit),
        index=ocp.JsonCheckpointHandler(multiprocessing_options=several),
        log=ocp.JsonCheckpointHandler(multiprocessing_options=several),
    )
    return ocp.Checkpointer(handler, multiprocessing_options=several)


def save_args(tree: Any, log: dict[str, Any], pack: bool = True) -> Any:
    """The arguments of Orbax's `save`.

    Args:
        tree: of jax.Array on any devices, which must not be donated meanwhile.
        log: JSON.
        pack: False leaves all arrays to Orbax, which needs less host memory.
    """
    leaves = named(tree)
    local = {k: x for k, x in leaves.items() if pack and _is_local(x)}
    split = {k: x for k, x in leaves.items() if k not in local}
    index, rows = _packed(local)
    items: dict[str, Any] = {"index": ocp.args.JsonSave(index), "log": ocp.args.JsonSave(log)}
    if rows:
        chunks = {k: ocp.SaveArgs(chunk_byte_size=CHUNK) for k in rows}
        items["packed"] = ocp.args.PyTreeSave(rows, chunks, ocdbt_target_data_file_size=FILE)
    if split:
        items["split"] = ocp.args.PyTreeSave(split)
    return ocp.args.Composite(**items)


def _is_local(leaf: jax.Array) -> bool:
    return leaf.is_fully_addressable or leaf.is_fully_replicated


def _packed(leaves: dict[str, jax.Array]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The index, [offset, dtype, shape] by name, and the rows of bytes by part of the state."""
    index, sizes = {}, {}
    for name, leaf in leaves.items():
        leaf.copy_to_host_async()
        part = name.split("/")[0]
        start = sizes.get(part, 0)
        index[name] = [start, leaf.dtype.name, list(leaf.shape)]
        sizes[part] = start + -(-leaf.nbytes // ALIGN) * ALIGN
    rows = {part: np.zeros(size, np.uint8) for part, size in sizes.items() if size}
    if jax.process_index() == 0:  # the only one that writes them
        for name, leaf in leaves.items():
            _view(rows, name, index[name])[...] = np.asarray(leaf)
    return index, {part: row.view(OwnedBytes) for part, row in rows.items()}


def _view(rows: dict[str, np.ndarray], name: str, entry: list[Any]) -> np.ndarray:
    start, dtype, shape = entry
    dtype = jax.numpy.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    if not size:
        return np.zeros(shape, dtype)
    return rows[name.split("/")[0]][start : start + size].view(dtype).reshape(shape)


def log(folder: Path) -> dict[str, Any]:
    """Read the log that was saved beside the arrays."""
    return _json(folder / "log")


def restored(folder: Path, shapes: Any) -> Any:
    """Restore the tree; the devices and processes that wrote it do not matter.

    Args:
        folder: of the step.
        shapes: jax.ShapeDtypeStruct with the wanted shardings.

    Raises:
        DataError: it is of another network or optimiser; the first differences are listed.
    """
    want, index = named(shapes), _json(folder / "index")
    split = _split_shapes(folder)
    saved = {name: (tuple(shape), dtype) for name, (_, dtype, shape) in index.items()}
    saved |= {name: (tuple(x.shape), np.dtype(x.dtype).name) for name, x in split.items()}
    _compare(folder, saved, {name: (x.shape, x.dtype.name) for name, x in want.items()})
    rows = _rows(folder, index)
    shardings = {k: ocp.ArrayRestoreArgs(sharding=want[k].sharding) for k in split}
    leaves = _restore(folder / "split", shardings) if split else {}
    for name, entry in index.items():
        array = _view(rows, name, entry)
        leaves[name] = jax.make_array_from_callback(
            array.shape, want[name].sharding, lambda i, array=array: array[i]
        )
    return jax.tree.unflatten(jax.tree.structure(shapes), [leaves[name] for name in want])


def flat(folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, np.ndarray]:
    """Read the arrays with the wanted names to the host."""
    index = {k: entry for k, entry in _json(folder / "index").items() if wanted(k)}
    rows = _rows(folder, index)
    leaves = {name: _view(rows, name, entry) for name, entry in index.items()}
    names = [k for k in _split_shapes(folder) if wanted(k)]
    host = {k: ocp.RestoreArgs(restore_type=np.ndarray) for k in names}
    return leaves | (_restore(folder / "split", host) if names else {})


def _rows(folder: Path, index: dict[str, Any]) -> dict[str, np.ndarray]:
    parts = {name.split("/")[0] for name, (_, _, shape) in index.items() if 0 not in shape}
    host = {part: ocp.RestoreArgs(restore_type=np.ndarray) for part in sorted(parts)}
    return _restore(folder / "packed", host) if host else {}


def _restore(folder: Path, how: dict[str, Any]) -> dict[str, Any]:
    """Restore arrays of an item, with the handler: a checkpointer would wait for all processes."""
    args = ocp.args.PyTreeRestore(dict.fromkeys(how, 0), restore_args=how, partial_restore=True)
    return ocp.PyTreeCheckpointHandler().restore(epath.Path(folder), args=args)


def _split_shapes(folder: Path) -> dict[str, Any]:
    if not (folder / "split").is_dir():
        return {}
    return ocp.PyTreeCheckpointHandler().metadata(epath.Path(folder / "split")).tree


def _json(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metadata").read_text(encoding="utf-8"))


def _compare(folder: Path, saved: dict[str, Any], want: dict[str, Any]) -> None:
    rows = [
        f"  {name}: expected {want.get(name, 'none')}, found {saved.get(name, 'none')}"
        for name in sorted({*saved, *want})
        if saved.get(name) != want.get(name)
    ]
    if rows:
        more = f"\n  and {len(rows) - 3} more" if len(rows) > 3 else ""
        raise DataError(
            f"{folder} is of another network or optimiser than the config's:\n"
            + "\n".join(rows[:3])
            + f"{more}\nUse the config it was saved with, or start from it in another --workdir "
            f"with --config.checkpoint.init"
        )
