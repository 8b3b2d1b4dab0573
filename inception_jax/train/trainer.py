"""Everything a run needs, built from its config."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inception_jax import checkpoint, models
from inception_jax.data import pipeline
from inception_jax.data.sources.open import open_source
from inception_jax.errors import ConfigError
from inception_jax.eval.evaluator import Evaluator
from inception_jax.runtime import mesh as meshes
from inception_jax.train import state
from inception_jax.train.program import Program
from inception_jax.workdir import run_dir


def epoch_of(config: Any, step: int) -> float:
    """The epoch after `step` steps of a config's run."""
    return step * config.data.batch_size / len(open_source(config.data, config.data.train_split))


class Trainer(Program):
    """Everything a run needs, built from its config and checked, before anything is written.

    Args:
        config: of the run.
        devices: to run on, or to compile for; all there are if not given.
    """

    def __init__(self, config: Any, devices: Sequence[Any] | None = None):
        started = time.monotonic()
        c = config
        self.source = open_source(c.data, c.data.train_split)
        found = len(self.source.classes)
        if found != c.data.classes:
            raise ConfigError(
                f"--config.data.classes={c.data.classes}: expected {found}, the classes of split "
                f"{c.data.train_split!r}; set data.classes and model.num_classes"
            )
        super().__init__(c, len(self.source), devices)
        self.evaluator = Evaluator(c, self.model, self.mesh, c.eval.split)
        self.seconds_to_build = time.monotonic() - started
        self.seconds_to_compile = 0.0

    def adjust(self, shift: int = 0, factor: float = 1.0) -> None:
        """As a Program's; what was compiled ahead has the old rate in it."""
        super().adjust(shift, factor)
        self._compiled: Any = None

    def start_arrays(self) -> dict[str, Any] | None:
        """The arrays of `checkpoint.init` that fit this network, by path; None without one."""
        init = self.config.checkpoint.init
        return self._start_from(Path(init)) if init else None

    def _start_from(self, workdir: Path) -> dict[str, Any]:
        step, found = checkpoint.load(workdir)
        taken, new, unused = state.same_leaves(self.empty_state.variables, found)
        if not taken:
            raise ConfigError(
                f"--config.checkpoint.init={workdir}: none of its parameters fits "
                f"{self.config.model.name}; is it another network, dialect or width?"
            )
        if jax.process_index():
            return taken
        print(
            f"{len(taken)} arrays from {workdir} at step {step}; fresh: {', '.join(new) or 'none'}"
        )
        if unused:
            print(f"not used: {', '.join(unused)}")
        was = run_dir.saved_config(workdir)["model"]
        for key in ("dialect", "normalization"):
            mine, theirs = getattr(self.model, key), was[key]
            if key == "dialect":
                theirs = theirs or models.dialects(self.model.NAME)[0]
            if mine != theirs:
                print(f"note: they were trained with model.{key}={theirs!r}, this run has {mine!r}")
        return taken

    @property
    def step(self) -> Any:
        """`train_step`; as it was compiled ahead, once it was.

        For several processes no cache keeps programs: calling `train_step` would compile again.
        """
        return self._compiled or self.train_step

    def compile_ahead(self) -> threading.Thread:
        """Compiles the step beside what comes next: the state is initialised or read meanwhile.

        An error is left to the first step, which compiles again and raises it where it is caught.
        """

        def work() -> None:
            began = time.monotonic()
            with contextlib.suppress(Exception):
                self._compiled = self.compiled()
            self.seconds_to_compile = time.monotonic() - began

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def placed(self, batch: pipeline.Batch, signal: int) -> Any:
        """This process's slice of a batch, and its signal, as the step takes them."""
        local = meshes.shards(self.mesh) // jax.process_count()
        rows = {"image": batch["image"], "label": batch["label"]}
        rows["signal"] = np.full(local, signal, np.int32)
        return meshes.put(rows, meshes.batch(self.mesh))

    def batches(
        self, start: int, idle: Callable[[], None]
    ) -> tuple[pipeline.TrainReader, Iterator[pipeline.Batch]]:
        """The batches from step `start` on, and their reader; `idle` is called while one waits."""
        c = self.config
        read = pipeline.TrainReader(self.source, c.data, c.seed)
        shard = pipeline.Shard(jax.process_index(), jax.process_count())
        span = range(start + self.shift, self.total + self.shift)
        crew = {"threads": c.data.threads, "processes": c.data.processes}
        return read, pipeline.batches(read, c.data.batch_size, span, shard=shard, idle=idle, **crew)

    def due(self, step: int, every_epochs: float) -> bool:
        """Whether an epoch multiple of `every_epochs` ends at `step`, or the run does."""

        def count(s: int) -> int:
            return math.floor(s / (self.per_epoch * every_epochs) + 1e-9)

        return step == self.total or count(step) > count(step - 1)
