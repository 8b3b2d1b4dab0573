"""Features of a split's images, each image computed once and kept in a file."""

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from inception_jax.data import pipeline, readers
from inception_jax.data.features import ViewFeatures
from inception_jax.data.sources.source import Source
from inception_jax.errors import ConfigError
from inception_jax.eval.protocols import Protocol
from inception_jax.eval.views import ViewReader
from inception_jax.models import Network, preprocess
from inception_jax.models.lowering import forms, ops
from inception_jax.progress import Progress
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import xla_options
from inception_jax.workdir import atomic

SYNCED = 16  # batches between two records of how far the files are
# Fields of a network that its rows do not depend on at evaluation.
IRRELEVANT = (
    "num_classes", "aux", "dropout", "drop_path", "drop_branch", "bn_group", "bn_decay",
    "bn_frozen", "freeze_until", "parent", "name",
)  # fmt: skip
Features = dict[str, np.ndarray]  # by end-point: [n, views, ...], mapped files


class FeatureCache:
    """The features that one network's weights give of a split, in the files of a folder.

    A file is named after the split, the end-point, and a hash of all that the features depend on:
    the network and its weights up to there, the protocol, and the names, labels, sizes and times
    of the images. So features of other weights or images are never read, and a computation that
    was stopped goes on. An image that cannot be read has NaN.

    Args:
        folder: of the files; created when there is something to write.
        model: the network.
        variables: its weights, for evaluation.
        mesh: the devices that compute, of this process alone.
        batch_size: images at a time.
        pooled: whether features are averaged over the grid.
    """

    def __init__(
        self, folder: Path, model: Network, variables: Mapping[str, Any], mesh: Mesh,
        batch_size: int, pooled: bool = False,
    ):  # fmt: skip
        if jax.process_count() > 1:
            raise ConfigError(
                f"features are computed once by a single process, this job has "
                f"{jax.process_count()}; set --config.optim.head_epochs=0 and "
                f"--config.train.cache_features=false, or start one process"
            )
        self._folder, self._model, self._variables, self._mesh = folder, model, variables, mesh
        self._pooled = pooled
        self._batch_size = -(-batch_size // meshes.shards(mesh)) * meshes.shards(mesh)

    def get(
        self, rows: Sequence[str], source: Source, split: str, data: Any, protocol: Protocol,
        stop: Callable[[], None] = lambda: None,
    ) -> Features:  # fmt: skip
        """The features of the end-points `rows`, in the order of the source.

        What is not in the folder yet is computed in one pass, from the images or from the features
        of a row below that are there. `stop` is called at each step and may raise; the next call
        goes on from there.

        Raises:
            ConfigError: the network has no such end-point.
            OSError: they do not fit on the disk.
            DataError: more than 1% of the images cannot be read.
        """
        self._check(rows)
        images = _digest([repr(protocol), *_images(source)])
        files = {row: self._file(split, row, images, self._pooled) for row in rows}
        if missing := {row: file for row, file in files.items() if not file.exists()}:
            below = self._stored_below(missing, split, images)
            self._compute(missing, below, source, split, data, protocol, stop)
        return {row: np.load(file, mmap_mode="r") for row, file in files.items()}

    def _check(self, rows: Sequence[str]) -> None:
        if unknown := [row for row in rows if row not in self._model.endpoint_names()]:
            raise ConfigError(
                f"unknown row {unknown[0]!r} of {self._model.NAME}, expected one of "
                f"{', '.join(self._model.endpoint_names())}"
            )

    def _file(self, split: str, row: str, images: str, pooled: bool) -> Path:
        """The file of a row's features of the `images`, a hash."""
        on_grid = row in [r.name for r in self._model.rows()]
        key = _digest([images, self._weights(row), "pooled" if pooled and on_grid else ""])
        return self._folder / f"{split}-{row}-{key}.npy"

    def _stored_below(
        self, rows: Collection[str], split: str, images: str
    ) -> tuple[str, np.ndarray] | None:
        """The highest row below all of `rows` whose features are there, and these."""
        names = [*(r.name for r in self._model.rows()), "pool"]
        lowest = min(names.index(row) if row in names else len(names) for row in rows)
        for row in reversed(names[:lowest]):
            if not any(self._folder.glob(f"{split}-{row}-*.npy")):
                continue  # hashing weights takes a while
            if (file := self._file(split, row, images, False)).exists():
                return row, np.load(file, mmap_mode="r")
        return None

    def _weights(self, row: str) -> str:
        """A hash of the network and of the weights that the end-point `row` depends on."""
        model, names = self._model, [r.name for r in self._model.rows()]
        layers = names[: names.index(row) + 1] if row in names else names
        fields = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
        text = repr([model.NAME, *(x for x in sorted(fields.items()) if x[0] not in IRRELEVANT)])
        used = {
            collection: {
                k: v for k, v in tree.items() if k in layers or row not in (*names, "pool")
            }
            for collection, tree in self._variables.items()
        }
        return _digest(jax.tree_util.tree_leaves_with_path(used), text)

    def _compute(
        self, files: Mapping[str, Path], below: tuple[str, np.ndarray] | None, source: Source,
        split: str, data: Any, protocol: Protocol, stop: Callable[[], None],
    ) -> None:  # fmt: skip
        row, stored = below or ("", None)
        forward, count = self._forward(tuple(files), row), len(source)
        shape = (protocol.size, protocol.size, protocol.channels)
        dtype = np.dtype(protocol.dtype)
        if stored is not None:
            shape, dtype = stored.shape[2:], stored.dtype
        shapes = jax.eval_shape(forward, self._variables, jax.ShapeDtypeStruct((1, *shape), dtype))
        progress = self._folder / f"{split}-{_digest(sorted(map(str, files.values())))}.progress"
        partials = {row: file.with_suffix(".partial") for row, file in files.items()}
        whole = {row: ((count, protocol.count, *x.shape[1:]), x.dtype) for row, x in shapes.items()}
        begun = progress.exists() and all(p.exists() for p in partials.values())
        self._folder.mkdir(parents=True, exist_ok=True)
        arrays = {row: _mapped(partials[row], *of, begun) for row, of in whole.items()}
        done = json.loads(progress.read_text())["images"] if begun else 0
        start, steps, began = done, 0, time.monotonic()
        bar = Progress(count, label=f"features {split}")
        try:
            for index, values in self._batches(forward, stored, source, data, protocol, done):
                stop()
                for row, array in arrays.items():
                    array[index] = values[row]
                done, steps = int(index[-1]) + 1, steps + 1
                rate = (done - start) / (time.monotonic() - began)
                bar.update(done, {"images/s": f"{rate:.1f}"})
                if steps % SYNCED == 0:
                    self._sync(arrays, progress, done)
        except BaseException:
            self._sync(arrays, progress, done)
            raise
        finally:
            bar.close()
        self._sync(arrays, progress, done)
        for row, file in files.items():
            partials[row].replace(file)
        progress.unlink()

    @staticmethod
    def _sync(arrays: Features, progress: Path, done: int) -> None:
        for array in arrays.values():
            array.flush()  # type: ignore[attr-defined]
        atomic.write_text(progress, json.dumps({"images": done}))

    def _batches(
        self, forward: Any, stored: np.ndarray | None, source: Source, data: Any,
        protocol: Protocol, start: int,
    ) -> Any:  # fmt: skip
        """(Positions, features by end-point) of the images from `start` on."""
        images = max(1, self._batch_size // protocol.count)
        images = -(-images // meshes.shards(self._mesh)) * meshes.shards(self._mesh)
        todo = np.arange(start, len(source))
        reader, chosen = ViewReader(source, protocol, todo), readers.of(data)
        if stored is not None:
            views = np.full(protocol.count, 1 / protocol.count, np.float32)
            reader, chosen = ViewFeatures(stored, source, views, todo), readers.Readers(1, 0)
        variables, steps = meshes.gathered(self._variables, self._mesh), -(-len(todo) // images)
        previous = None
        for batch in pipeline.batches(reader, images, range(steps), **chosen._asdict()):
            flat = batch["image"].reshape(-1, *batch["image"].shape[2:])
            placed = meshes.put({"image": flat}, meshes.batch(self._mesh))["image"]
            current = batch["tried"], batch["index"], forward(variables, placed)
            if previous:
                yield _host(*previous)  # the device computes this batch meanwhile
            previous = current
        if previous:
            yield _host(*previous)

    def _forward(self, rows: tuple[str, ...], below: str) -> Any:
        """(variables, images [b, s, s, c], or features of `below`) -> features by end-point."""
        names, model = [*(r.name for r in self._model.rows()), "logits"], self._model
        if below:
            after = names.index(below) + 1 if below in names else -1  # of `pool`
            model = model.clone(freeze_until=names[after])

        def forward(variables: Any, x: Any) -> dict[str, Any]:
            with forms.for_mesh(self._mesh):
                x = x if below else preprocess.as_input(x, model)
                out = model.apply(
                    variables, x, train=False, endpoints=True, from_boundary=bool(below)
                )
            found = {row: out.logits if row == "logits" else out.endpoints[row] for row in rows}
            if self._pooled:
                found = {k: x.mean(axis=(1, 2)) if x.ndim == 4 else x for k, x in found.items()}
            return {row: x.astype(ops.wide(x.dtype)) for row, x in found.items()}

        options = xla_options.evaluation(self._mesh.devices.flat[0])
        return jax.jit(forward, compiler_options=options)


def _host(tried: np.ndarray, index: np.ndarray, values: Any) -> tuple[np.ndarray, Features]:
    """Positions of a batch's images, and their features; NaN where one could not be read."""
    count, read = int((tried >= 0).sum()), index >= 0
    found = {}
    for row, value in jax.device_get(values).items():
        by_image = value.reshape(len(tried), -1, *value.shape[1:])
        by_image = np.where(read.reshape(-1, *[1] * (by_image.ndim - 1)), by_image, np.nan)
        found[row] = by_image[:count]
    return tried[:count], found


def _mapped(file: Path, shape: tuple[int, ...], dtype: Any, begun: bool) -> np.ndarray:
    """The array of a file that exists if it is `begun`; of a new one the disk's space is taken.

    Without the space, writing to the array would kill the process.
    """
    with atomic.naming(file):
        mode = "r+" if begun else "w+"
        array = np.lib.format.open_memmap(file, mode, dtype=dtype, shape=shape)
        if not begun and hasattr(os, "posix_fallocate"):
            with file.open("r+b") as opened:
                os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    return array


def _images(source: Source) -> list[str]:
    """What identifies the images of a source: names, labels, and the files' sizes and times."""
    stamp = getattr(source, "stamp", lambda index: "")
    return [f"{source.name(i)} {source.label(i)} {stamp(i)}" for i in range(len(source))]


def _digest(parts: Any, *more: str) -> str:
    """A hash of texts, or of (path, array) pairs."""
    found = hashlib.sha256()
    for part in (*parts, *more):
        if isinstance(part, str):
            found.update(part.encode(errors="surrogateescape") + b"\0")
        else:
            path, array = part
            found.update(jax.tree_util.keystr(path).encode())
            found.update(np.ascontiguousarray(jax.device_get(array)).view(np.uint8).data)
    return found.hexdigest()[:16]
