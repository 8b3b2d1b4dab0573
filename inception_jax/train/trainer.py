"""The parts of a training run: source, program and evaluator."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from inception_jax.config import tasks
from inception_jax.data import pipeline, readers
from inception_jax.data.example_weights import example_weights
from inception_jax.data.features import TrainFeatures
from inception_jax.data.sources.open import open_source, open_training
from inception_jax.data.sources.source import Source
from inception_jax.data.sources.targets import standardised
from inception_jax.eval.evaluator import Evaluator
from inception_jax.models import from_config
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import user_paths
from inception_jax.train import augmentation, finetune, stages, teacher, whitening
from inception_jax.train.compiled_steps import CompiledSteps
from inception_jax.train.program import Program
from inception_jax.train.stages import Stage
from inception_jax.train.state import TrainState
from inception_jax.train.stored_features import StoredFeatures
from inception_jax.train.teacher import Teacher
from inception_jax.workdir.target_scale import TargetScale


def build(config: Any, devices: Sequence[Any] | None = None) -> "Trainer":
    """The trainer of a config, on the given devices or all; checked, and nothing is written.

    Raises:
        ConfigError: data, network and devices do not fit together.
    """
    began = time.monotonic()
    source, scale = open_training(config), None
    if config.data.task == "regression":
        source, scale = standardised(source)
    program = Program(config, len(source), devices)
    if config.data.eval_size:
        from_config.check_evaluated(program.model, config.data)
    taught_by = teacher.load(config.loss, program.teacher, source.classes, program.mesh)
    evaluator = Evaluator(
        config, program.model, program.mesh, config.eval.split, protocol=config.eval.protocol,
        scale=scale,
    )  # fmt: skip
    return Trainer(source, program, evaluator, time.monotonic() - began, taught_by, scale)


def epoch_of(config: Any, step: int) -> float:
    """The epoch after `step` steps of a config's run."""
    return step * config.data.batch_size / len(open_source(config.data, config.data.train_split))


class Trainer:
    """The source, program and evaluator of a run.

    Attributes:
        shift: batches by which the order of the examples is ahead of the step, after rollbacks.
        stages: of the run, see `stages.of`.
        compiled: the programs of the stages.
        features: by the end-point of a stage's `Program.boundary`.
        task: of the config.
        scale: of a regression's targets.
        seconds_to_build: that source, program and evaluator took.
    """

    def __init__(
        self, source: Source, program: Program, evaluator: Evaluator, seconds_to_build: float = 0.0,
        teacher: Teacher | None = None, scale: TargetScale | None = None,
    ):  # fmt: skip
        self.source, self.program, self.evaluator = source, program, evaluator
        self.config, self.shift, self.stages = program.config, 0, program.stages
        self.features: dict[str, StoredFeatures] = {}
        self.seconds_to_build, self.teacher, self.scale = seconds_to_build, teacher, scale
        self.task = tasks.of(program.config.data)
        self.compiled = CompiledSteps(program)

    def after_rollback(self, shift: int, lr_factor: float) -> "Trainer":
        """The same, `shift` batches further on in the data, at `lr_factor` times the rate."""
        if not shift and lr_factor == 1.0:
            return self
        old, other = self.program, copy.copy(self)
        devices = list(old.mesh.devices.flat)
        other.program = Program(self.config, old.images, devices, lr_factor, old.inherited)
        other.shift, other.compiled = shift, CompiledSteps(other.program)
        return other

    def start_arrays(self) -> dict[str, Any] | None:
        """The arrays of `checkpoint.init` that fit this network, by path; None without one.

        Raises:
            ConfigError: less than half of the backbone fits; or rows are to be frozen at the
                random values that they have without `checkpoint.init`.
        """
        if not self.config.checkpoint.init:
            finetune.check_random(self.config.optim)
            return None
        workdir = user_paths.expanded(self.config.checkpoint.init)
        shapes = self.program.empty_state.variables
        taken, lines = finetune.arrays(workdir, self.program.model, shapes)
        if jax.process_index() == 0:
            print("\n".join(lines))
        return taken

    def ending(self, stop: int | None) -> "Trainer":
        """The same, whose training ends early with step `stop`; None: with `train.epochs`."""
        other = copy.copy(self)
        other.stages = stages.of(self.config, self.program.per_epoch, stop)
        return other

    def fresh_state(self, start: dict[str, Any] | None) -> TrainState:
        """The state at step 0, with the arrays `start` and what is computed from the data."""
        computed = whitening.arrays(self.source, self.config.data, self.program.model)
        return self.program.fresh_state({**computed, **(start or {})})

    @property
    def total(self) -> int:
        """The last step."""
        return self.stages[-1].last

    def stage(self, step: int) -> Stage:
        """The stage of a step."""
        return stages.at(self.stages, step)

    def placed(self, batch: pipeline.Batch, signal: int, step: int) -> Any:
        """This process's slice of a step's batch, and its signal, as its program takes them."""
        mesh = self.program.mesh
        local = meshes.shards(mesh) // jax.process_count()
        c = self.config
        keys = augmentation.inputs(c.augment, tasks.weighted(c.loss), "features" in batch)
        rows = {key: batch[key] for key in keys}
        rows["signal"] = np.full(local, signal, np.int32)
        placed = meshes.put(rows, meshes.batch(mesh))
        if self.teacher:
            placed["teacher"] = self.teacher.variables
        if (stage := self.stage(step)).recalibrates:
            count = np.int32(step - stage.first + 1)
            placed["count"] = jax.device_put(count, meshes.replicated(mesh))
        return placed

    def evaluator_at(self, step: int) -> Evaluator:
        """The evaluator after a step: of stored features where the step's stage has them."""
        stored = self.features.get(self.program.boundary(self.stage(step)))
        return (stored and stored.evaluator) or self.evaluator

    def reader(self) -> pipeline.TrainReader:
        """A reader of the training images."""
        c = self.config
        weights = example_weights(self.source, c.loss)
        return pipeline.TrainReader(self.source, c.data, c.seed, c.augment, weights)

    def reader_of(
        self, stage: Stage, read: pipeline.TrainReader
    ) -> pipeline.TrainReader | TrainFeatures:
        """`read`, as a stage has its images, or the reader of its stored features."""
        if row := self.program.boundary(stage):
            stored = self.features[row].train
            return TrainFeatures(stored, read)
        return read.resized(stage.size)

    def batches(
        self, read: pipeline.TrainReader, start: int, idle: Callable[[], None]
    ) -> Iterator[pipeline.Batch]:
        """The batches from step `start` on; `idle` is called while one waits."""
        c = self.config
        shard = pipeline.Shard(jax.process_index(), jax.process_count())
        for stage, steps in stages.stretches(self.stages, start):
            stored = self.program.boundary(stage)
            chosen = readers.Readers(1, 0) if stored else readers.of(c.data)  # a copy, or images
            yield from pipeline.batches(
                self.reader_of(stage, read), c.data.batch_size,
                range(steps.start + self.shift, steps.stop + self.shift),
                shard=shard, idle=idle, **chosen._asdict(),
            )  # fmt: skip

    def due(self, step: int, every_epochs: float) -> bool:
        """Whether a multiple of `every_epochs` epochs ends at `step`, or the training or the run.

        While BatchNorm is recalibrated, nothing is due before the run's end.
        """
        trained = stages.trained(self.stages)
        if step >= trained:
            return step in (trained, self.total)

        def count(s: int) -> int:
            return math.floor(s / (self.program.per_epoch * every_epochs) + 1e-9)

        return count(step) > count(step - 1)
