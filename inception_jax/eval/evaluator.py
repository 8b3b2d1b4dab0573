"""Evaluation of a whole split: every image once, on any number of devices and processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from inception_jax.config import Config, tasks
from inception_jax.data import pipeline, readers
from inception_jax.data.features import ViewFeatures
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.data.sources.targets import targets_of
from inception_jax.eval import measures, view_step
from inception_jax.eval.protocols import from_data_section
from inception_jax.eval.result import Result
from inception_jax.eval.view_step import Variables, ViewSums
from inception_jax.eval.views import ViewReader
from inception_jax.models import Network, from_config
from inception_jax.progress import Progress
from inception_jax.runtime import compiling, multihost
from inception_jax.runtime import mesh as meshes
from inception_jax.workdir.target_scale import TargetScale


class EvaluatedBatch(NamedTuple):
    """The images of a split that one step evaluated; equal in every process."""

    index: np.ndarray  # int32 [n], the images that could be read
    label: np.ndarray  # int32 [n], or targets float64 [n, t]
    log: np.ndarray  # float32 [n, classes], logarithms of the mean probabilities; see `view_step`
    unreadable: np.ndarray  # int32 [m], the images that could not be read


def never_stop() -> None:
    """The default `stop` of an evaluation: does nothing."""


class Evaluator:
    """Evaluates a split any number of times; the program is compiled once.

    The split is opened from the config if no `source` is given. `protocol` is a key of
    `protocols.COUNTS`, `columns` the network's output of each class, int [classes]; None for all.
    `features`, of a `FeatureCache`, stand for the images: the model's end-point `boundary`. `scale`
    is that of a regression's targets.
    """

    def __init__(
        self, config: Config, model: Network, mesh: Mesh, split: str, *,
        source: Source | None = None, protocol: str = "config", columns: np.ndarray | None = None,
        features: np.ndarray | None = None, scale: TargetScale | None = None,
    ):  # fmt: skip
        self.split, self.config = split, config
        self.model = model = from_config.evaluated(model, config.data)
        self.source: Source = open_source(config.data, split) if source is None else source
        self.protocol = from_data_section(config.data, protocol)
        self._mesh, self._features, processes = mesh, features, jax.process_count()
        num_shards, views = meshes.shards(mesh), self.protocol.count
        # Views in the network at a time, a multiple of the shards.
        most = -(-config.eval.batch_size // num_shards) * num_shards
        # Images of a step, and how many views of them this process reads.
        self._images = most if views == 1 else max(1, most // (views * processes)) * processes
        local_views = self._images * views // processes
        # The local views are evaluated in equal pieces of `_rows`, a multiple of local devices.
        local_devices = max(1, num_shards // processes)
        pieces = -(-local_views * processes // most)
        self._rows = -(-local_views // pieces // local_devices) * local_devices
        self.classes = view_step.num_outputs(model) if columns is None else len(columns)
        self.task, self.scale = tasks.of(config.data), scale
        self.measure = measures.of(config, scale)
        self._start, step = view_step.make_view_step(
            model,
            mesh,
            self._images,
            columns,
            from_boundary=features is not None,
            activation=self.task.activation,
        )
        another = jax.process_index() > 0
        self._step = compiling.clocked_once(step, "the evaluation", quiet=another)

    def reader(self, todo: np.ndarray | None = None) -> ViewReader | ViewFeatures:
        """A reader of the images `todo` (all if not given), in that order."""
        todo = np.arange(len(self.source)) if todo is None else todo
        if self._features is not None:
            return ViewFeatures(self._features, self.source, self.protocol.weights(), todo)
        return ViewReader(self.source, self.protocol, todo)

    def blocks(
        self,
        variables: Variables,
        reader: ViewReader | ViewFeatures,
        stop: Callable[[], None] = never_stop,
        idle: Callable[[], None] | None = None,
    ) -> Iterator[EvaluatedBatch]:
        """The log-probabilities of the reader's images, one step after another.

        `stop` is called at each step, `idle` while waiting for images; both may raise. The default
        of `idle` is `stop` in a process without others, nothing elsewhere.
        """
        if idle is None:
            idle = stop if jax.process_count() == 1 else never_stop
        variables = meshes.gathered(variables, self._mesh)  # once, not once a batch
        count = range(-(-len(reader.todo) // self._images))
        shard = pipeline.Shard(jax.process_index(), jax.process_count())
        previous: tuple[pipeline.Batch, ViewSums] | None = None
        chosen = readers.of(self.config.data)
        if self._features is not None:
            chosen = readers.Readers(1, 0)  # copies from memory
        for batch in pipeline.batches(
            reader, self._images, count, shard=shard, idle=idle, **chosen._asdict()
        ):
            stop()
            # The device computes this batch while the previous one is fetched.
            current = batch, self._sum_views(variables, batch)
            if previous:
                yield self._evaluated(*previous)
            previous = current
        if previous:
            yield self._evaluated(*previous)

    def _sum_views(self, variables: Variables, batch: pipeline.Batch) -> ViewSums:
        """Sums over the views of a batch, a piece at a time; on the device."""
        images, views = batch["weight"].shape
        first = images * jax.process_index()
        image = batch.pop("image")
        rows = {
            "image": image.reshape(images * views, *image.shape[2:]),
            "weight": batch["weight"].reshape(-1),
            "owner": np.repeat(np.arange(first, first + images, dtype=np.int32), views),
        }
        sums = self._start()
        for at in range(0, images * views, self._rows):
            piece = {k: _padded(v[at : at + self._rows], self._rows) for k, v in rows.items()}
            # A process without others skips pieces whose weights are all zero.
            if jax.process_count() > 1 or at == 0 or piece["weight"].any():
                placed = meshes.put(piece, meshes.batch(self._mesh))
                sums = self._step(variables, sums, placed)
        return sums

    def _evaluated(self, batch: pipeline.Batch, sums: ViewSums) -> EvaluatedBatch:
        """The images of a step from all processes, on the host."""
        index, label, tried = (
            multihost.concatenated(batch[k]) for k in ("index", "label", "tried")
        )
        outputs = view_step.outputs(jax.device_get(sums), self.task.activation)
        readable = index >= 0
        unreadable = tried[(tried >= 0) & ~readable]
        index, label = index[readable], label[readable]
        if (targets := targets_of(self.source)) is not None:
            label = targets[index]  # float64, which a batch between processes has not
        return EvaluatedBatch(index, label, outputs[readable], unreadable)

    def run(
        self,
        variables: Variables,
        *,
        stop: Callable[[], None] = never_stop,
        idle: Callable[[], None] | None = None,
        quiet: bool = False,
    ) -> Result:
        """Evaluates `variables` on the split; `stop` and `idle` as in `blocks`."""
        reader, result = self.reader(), Result(self.measure(self.classes))
        bar = Progress(len(self.source), label=f"eval {self.split}", quiet=30)
        for block in self.blocks(variables, reader, stop, idle):
            result.add(block.index, block.label, block.log)
            if not quiet:
                bar.update(result.seen, {})
        bar.close()
        result.unreadable = multihost.merged(reader.bad.reasons)
        return result

    def save(
        self, folder: Path, result: Result, variables: Variables, step: int, epoch: float,
        name: str = "", **more: Any,
    ) -> Path:  # fmt: skip
        """Writes <name>.json and .npz for the report, in the first process; the .json's path.

        `name` is the split's if not given; `more` are further keys of the .json file.
        """
        path = folder / f"{name or self.split}.json"
        if jax.process_index() == 0:
            weights = "ema" if self.config.ema.decay > 0 else "raw"
            head = {"split": self.split, "protocol": self.protocol.name, "step": step}
            head |= {"epoch": epoch, "weights": weights, **more}
            result.save(
                path, head, source=self.source, data=self.config.data, model=self.model,
                variables=variables,
            )  # fmt: skip
        return path


def _padded(rows: np.ndarray, count: int) -> np.ndarray:
    """`rows` with zeros appended, `count` in total."""
    if len(rows) == count:
        return rows
    return np.concatenate([rows, np.zeros((count - len(rows), *rows.shape[1:]), rows.dtype)])
