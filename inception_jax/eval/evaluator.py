"""Evaluation of a whole split: every image once, on any number of devices and processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from inception_jax.data import pipeline
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.eval import view_step
from inception_jax.eval.protocols import of_page
from inception_jax.eval.result import Result
from inception_jax.eval.views import ViewReader
from inception_jax.models import Network
from inception_jax.progress import Progress
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import multihost


class EvaluatedBatch(NamedTuple):
    """Some images of a split, all that one step looked at: the same in every process.

    Attributes:
        index: int32 [n], which images; those that could not be read are left out.
        label: int32 [n].
        log: float32 [n, classes], the logarithms of the mean probabilities.
        unreadable: int32 [m], the indices of the others.
    """

    index: np.ndarray
    label: np.ndarray
    log: np.ndarray
    unreadable: np.ndarray


def nothing() -> None:
    """The `stop` of an evaluation that nothing stops."""


class Evaluator:
    """Evaluates a split as often as it is asked to; the program is compiled once.

    Args:
        config: of the run.
        model: the network.
        mesh: devices that share the views.
        split: the split.
        source: the images, where they are not all of the split that the config names.
        protocol: a key of `data.protocols.COUNTS`.
        columns: int [classes], the network's output of each class; None where they are the same.
    """

    def __init__(
        self, config: Any, model: Network, mesh: Mesh, split: str, *,
        source: Source | None = None, protocol: str = "page", columns: np.ndarray | None = None,
    ):  # fmt: skip
        self.split, self.config, self.model = split, config, model
        self.source: Source = open_source(config.data, split) if source is None else source
        self.protocol = of_page(config.data, protocol)
        self._mesh, count = mesh, jax.process_count()
        num_shards, views = meshes.shards(mesh), self.protocol.count
        most = (
            -(-config.eval.batch_size // num_shards) * num_shards
        )  # views that are in the network at a time
        each = max(1, num_shards // count)  # devices of this process
        self._images = most if views == 1 else max(1, most // (views * count)) * count  # a step
        local = self._images * views // count  # views that this process reads for a step
        pieces = -(-local * count // most)
        self._rows = -(-local // pieces // each) * each
        self.classes = model.num_classes if columns is None else len(columns)
        self._start, self._step = view_step.make_view_step(model, mesh, self._images, columns)

    def reader(self, todo: np.ndarray | None = None) -> ViewReader:
        """Reads the images `todo` (all if not given), in that order."""
        todo = np.arange(len(self.source)) if todo is None else todo
        return ViewReader(self.source, self.protocol, self.config.data.interpolation, todo)

    def blocks(
        self,
        variables: Any,
        read: ViewReader,
        stop: Callable[[], None] = nothing,
        idle: Callable[[], None] | None = None,
    ) -> Iterator[EvaluatedBatch]:
        """What the network says of the reader's images; `stop` is called at each, and may raise.

        So may `idle`, which is called while images are awaited; alone, a process calls `stop` then
        too, if not told otherwise.
        """
        if idle is None:
            idle = stop if jax.process_count() == 1 else nothing
        variables = meshes.gathered(variables, self._mesh)  # once, not once a batch
        count = range(-(-len(read.todo) // self._images))
        shard = pipeline.Shard(jax.process_index(), jax.process_count())
        before: tuple[pipeline.Batch, Any] | None = None
        threads = self.config.data.threads
        for batch in pipeline.batches(read, self._images, count, threads, shard, idle=idle):
            stop()
            # The device works while the one before is fetched and the next is read.
            now = batch, self._look(variables, batch)
            if before:
                yield _block(*before)
            before = now
        if before:
            yield _block(*before)

    def _look(self, variables: Any, batch: pipeline.Batch) -> Any:
        """Sums over the views of a batch, a piece at a time; on the device."""
        images, views = batch["weight"].shape
        first = images * jax.process_index()
        rows = {
            "image": batch.pop("image").reshape(images * views, *self._input),
            "weight": batch["weight"].reshape(-1),
            "owner": np.repeat(np.arange(first, first + images, dtype=np.int32), views),
        }
        sums = self._start()
        for at in range(0, images * views, self._rows):
            piece = {k: _padded(v[at : at + self._rows], self._rows) for k, v in rows.items()}
            # Alone we need not wait for others' views, so what counts nothing is not looked at.
            if jax.process_count() > 1 or at == 0 or piece["weight"].any():
                placed = meshes.put(piece, meshes.batch(self._mesh))
                sums = self._step(variables, sums, placed)
        return sums

    @property
    def _input(self) -> tuple[int, int, int]:
        return self.protocol.size, self.protocol.size, 3

    def run(
        self,
        variables: Any,
        *,
        stop: Callable[[], None] = nothing,
        idle: Callable[[], None] | None = None,
        quiet: bool = False,
    ) -> Result:
        """Evaluates `variables` on the split; `stop` and `idle` as in `blocks`."""
        read, result = self.reader(), Result.empty(self.classes)
        bar = Progress(len(self.source), label=f"eval {self.split}", quiet=30)
        for block in self.blocks(variables, read, stop, idle):
            result.add(block.index, block.label, block.log)
            if not quiet:
                bar.update(result.seen, {"top1": f"{result.top1:.2%}"})
        bar.close()
        result.unreadable = multihost.merged(read.bad.reasons)
        return result

    def save(self, workdir: Path, result: Result, variables: Any, step: int, epoch: float) -> Path:
        """Writes eval/<split>.json and .npz, what the report is drawn from."""
        return result.save(workdir / "eval" / f"{self.split}.json", self, variables, step, epoch)


def _padded(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` rows: those there are, then zeros."""
    if len(rows) == count:
        return rows
    return np.concatenate([rows, np.zeros((count - len(rows), *rows.shape[1:]), rows.dtype)])


def _block(batch: pipeline.Batch, sums: Any) -> EvaluatedBatch:
    """The images of a step that could be read, from all processes."""
    index, label, tried = (multihost.concatenated(batch[k]) for k in ("index", "label", "tried"))
    log = view_step.log_of(jax.device_get(sums))
    there = index >= 0
    return EvaluatedBatch(index[there], label[there], log[there], tried[(tried >= 0) & ~there])
