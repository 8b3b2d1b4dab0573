"""The parts of a training run: source, program and evaluator."""

import contextlib
import copy
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from inception_jax.data import pipeline, readers
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.errors import ConfigError
from inception_jax.eval.evaluator import Evaluator
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import user_paths
from inception_jax.train import augmentation, finetune, whitening
from inception_jax.train.program import Program
from inception_jax.train.state import TrainState


def build(config: Any, devices: Sequence[Any] | None = None) -> "Trainer":
    """The trainer of a config, on the given devices or all; checked, and nothing is written.

    Raises:
        ConfigError: data, network and devices do not fit together.
    """
    began = time.monotonic()
    source = open_source(config.data, config.data.train_split)
    found = len(source.classes)
    if found != config.data.classes:
        raise ConfigError(
            f"--config.data.classes={config.data.classes}: expected {found}, the classes of split "
            f"{config.data.train_split!r}; set data.classes and model.num_classes"
        )
    program = Program(config, len(source), devices)
    evaluator = Evaluator(
        config, program.model, program.mesh, config.eval.split, protocol=config.eval.protocol
    )
    return Trainer(source, program, evaluator, time.monotonic() - began)


def epoch_of(config: Any, step: int) -> float:
    """The epoch after `step` steps of a config's run."""
    return step * config.data.batch_size / len(open_source(config.data, config.data.train_split))


class Trainer:
    """The source, program and evaluator of a run.

    Attributes:
        shift: batches by which the order of the examples is ahead of the step, after rollbacks.
        seconds_to_build: that source, program and evaluator took.
        seconds_to_compile: that `compile_ahead` took.
    """

    def __init__(
        self, source: Source, program: Program, evaluator: Evaluator, seconds_to_build: float = 0.0
    ):
        self.source, self.program, self.evaluator = source, program, evaluator
        self.config, self.shift = program.config, 0
        self.seconds_to_build, self.seconds_to_compile = seconds_to_build, 0.0
        self._compiled: Any = None

    def after_rollback(self, shift: int, lr_factor: float) -> "Trainer":
        """The same, `shift` batches further on in the data, at `lr_factor` times the rate."""
        if not shift and lr_factor == 1.0:
            return self
        old, other = self.program, copy.copy(self)
        devices = list(old.mesh.devices.flat)
        other.program = Program(self.config, old.images, devices, lr_factor, old.inherited)
        other.shift, other._compiled = shift, None
        return other

    def start_arrays(self) -> dict[str, Any] | None:
        """The arrays of `checkpoint.init` that fit this network, by path; None without one.

        Raises:
            ConfigError: less than half of the backbone fits.
        """
        if not self.config.checkpoint.init:
            return None
        workdir = user_paths.expanded(self.config.checkpoint.init)
        shapes = self.program.empty_state.variables
        taken, lines = finetune.arrays(workdir, self.program.model, shapes)
        if jax.process_index() == 0:
            print("\n".join(lines))
        return taken

    def fresh_state(self, start: dict[str, Any] | None) -> TrainState:
        """The state at step 0, with the arrays `start` and what is computed from the data."""
        computed = whitening.arrays(self.source, self.config.data, self.program.model)
        return self.program.fresh_state({**computed, **(start or {})})

    @property
    def step(self) -> Any:
        """The train step: the program that `compile_ahead` compiled, if it did.

        A second compilation is not always a cache hit: on the CPU, only process 0 has the cache.
        """
        return self._compiled or self.program.train_step

    def compile_ahead(self) -> threading.Thread:
        """Compiles the step in a thread, while the state is initialised or restored.

        An error is left to the first step, which compiles again and raises it where it is caught.
        """

        def work() -> None:
            began = time.monotonic()
            with contextlib.suppress(Exception):
                self._compiled = self.program.compiled()
            self.seconds_to_compile = time.monotonic() - began

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def placed(self, batch: pipeline.Batch, signal: int) -> Any:
        """This process's slice of a batch, and its signal, as the step takes them."""
        mesh = self.program.mesh
        local = meshes.shards(mesh) // jax.process_count()
        rows = {key: batch[key] for key in augmentation.inputs(self.config.augment)}
        rows["signal"] = np.full(local, signal, np.int32)
        return meshes.put(rows, meshes.batch(mesh))

    def batches(
        self, start: int, idle: Callable[[], None]
    ) -> tuple[pipeline.TrainReader, Iterator[pipeline.Batch]]:
        """The reader and the batches from step `start` on; `idle` is called while one waits."""
        c = self.config
        read = pipeline.TrainReader(self.source, c.data, c.seed, c.augment)
        shard = pipeline.Shard(jax.process_index(), jax.process_count())
        span = range(start + self.shift, self.program.total + self.shift)
        return read, pipeline.batches(
            read, c.data.batch_size, span, shard=shard, idle=idle,
            **readers.of(c.data)._asdict(),
        )  # fmt: skip

    def due(self, step: int, every_epochs: float) -> bool:
        """Whether a multiple of `every_epochs` epochs ends at `step`, or the run does."""

        def count(s: int) -> int:
            return math.floor(s / (self.program.per_epoch * every_epochs) + 1e-9)

        return step == self.program.total or count(step) > count(step - 1)
