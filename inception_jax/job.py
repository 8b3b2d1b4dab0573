"""Everything a run needs, built from its config."""

import contextlib
import functools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inception_jax import checkpoint, models, optim, rundir, state, steps
from inception_jax import mesh as meshes
from inception_jax.data import open_source, pipeline
from inception_jax.errors import ConfigError
from inception_jax.evaluate import Evaluator
from inception_jax.models import Network


def build_model(c: Any) -> Network:
    """The network of a config's `model` section.

    Raises:
        ConfigError: an unknown name, dialect or stem; the message lists the choices.
    """
    fields = dict(c)
    try:
        return models.create(fields.pop("name"), **fields)
    except ValueError as e:
        raise ConfigError(f"--config.model: {e}") from e


def epoch_of(config: Any, step: int) -> float:
    """The epoch after `step` steps of a config's run."""
    return step * config.data.batch_size / len(open_source(config.data, config.data.train_split))


class Job:
    """Everything a run needs, built from its config and checked, before anything is written.

    Args:
        config: of the run.
        devices: to run on, or to compile for; all there are if not given.
    """

    def __init__(self, config: Any, devices: Sequence[Any] | None = None):
        started = time.monotonic()
        c = self.config = config
        self.source = open_source(c.data, c.data.train_split)
        found = len(self.source.classes)
        if found != c.data.classes:
            raise ConfigError(
                f"--config.data.classes={c.data.classes}: expected {found}, the classes of split "
                f"{c.data.train_split!r}; set data.classes and model.num_classes"
            )
        if not c.model.num_classes:
            raise ConfigError("--config.model.num_classes=0: expected classes to train for")
        self.model = build_model(c.model).clone(frozen=c.optim.trunk == 0)
        self.mesh = meshes.make(c.mesh.data, c.mesh.model, devices)
        self._check_devices()
        self.evaluator = Evaluator(c, self.model, self.mesh, c.eval.split)
        self.per_epoch = len(self.source) / c.data.batch_size
        self.total = math.ceil(c.train.epochs * self.per_epoch - 1e-9)
        self.adjust()
        self.seconds_to_build = time.monotonic() - started

    def adjust(self, shift: int = 0, factor: float = 1.0) -> None:
        """What a rollback changes: reads `shift` batches further on, at `factor` times the rate."""
        c = self.config
        optimiser = c.optim.copy_and_resolve_references()
        with optimiser.unlocked():
            optimiser.lr = c.optim.lr * factor
        self.shift = shift
        self.tx, self.rate = optim.build(
            optimiser, epochs=c.train.epochs, steps_per_epoch=self.per_epoch,
            trunk=[r.name for r in self.model.rows()],
        )  # fmt: skip
        self.__dict__.pop("train_step", None)  # it has the rate in it
        self._program: Any = None

    def _check_devices(self) -> None:
        c, ways = self.config, meshes.shards(self.mesh)
        local, left = divmod(c.data.batch_size, ways * c.optim.accumulate)
        if left:
            raise ConfigError(
                f"--config.data.batch_size={c.data.batch_size}: expected a multiple of "
                f"{ways * c.optim.accumulate} ({ways} devices x {c.optim.accumulate} microbatches)"
            )
        if c.optim.accumulate > 1 and local % c.model.bn_group:
            raise ConfigError(
                f"--config.model.bn_group={c.model.bn_group}: expected a divisor of {local}, the "
                f"images of one device's microbatch"
            )
        group, normed = c.model.bn_group, self.model.switches.norm is not None
        if self._add_in and normed and (group == 0 or local % group):
            raise ConfigError(
                f"--config.model.bn_group={group}: expected a divisor of {local}, the images of "
                f"one of {ways} devices' microbatch, with mesh.reduce={c.mesh.reduce} and "
                f"model.dtype={c.model.dtype}: XLA adds gradients in the dtype they are computed "
                f"in, and in another each device's must be whole before; set model.bn_group, or "
                f"leave mesh.reduce=auto"
            )

    @property
    def _add_in(self) -> str:
        """In what the step adds up the devices' gradients itself; empty where XLA does so anyway.

        Left alone XLA adds kernels' gradients, all but some thousandths of the bytes, in the dtype
        of the computation (the TPU compiler does; the CPU's widens 16 bits).
        """
        c = self.config
        usual = ("auto", c.model.dtype)
        return "" if meshes.shards(self.mesh) == 1 or c.mesh.reduce in usual else c.mesh.reduce

    @functools.cached_property
    def empty_state(self) -> state.TrainState:
        """The state as shapes with their places on the mesh, to restore into.

        Raises:
            ConfigError: the images are below the network's minimum; the layer is named.
        """
        c = self.config
        try:
            return state.abstract(**self._state_fields())
        except models.ImageTooSmallError as e:
            raise ConfigError(
                f"--config.data.image_size={c.data.image_size} is too small for {c.model.name}: "
                f"{e}; use a larger image, --config.model.stem=small, or --config.model.aux=false "
                f"where an auxiliary head is named"
            ) from e

    def start_arrays(self) -> dict[str, Any] | None:
        """The arrays of `checkpoint.init` that fit this network, by path; None without one."""
        init = self.config.checkpoint.init
        return self._start_from(Path(init)) if init else None

    def fresh_state(self, start: dict[str, Any] | None = None) -> state.TrainState:
        """The state at step 0, on the mesh: random, but for the arrays in `start`."""
        return state.create(start=start, like=self.empty_state, **self._state_fields())

    def _state_fields(self) -> dict[str, Any]:
        c = self.config
        fields = {"model": self.model, "tx": self.tx, "mesh": self.mesh, "seed": c.seed}
        size, ema = c.data.image_size, c.ema.decay > 0
        return {**fields, "image_size": size, "ema": ema, "zero": c.mesh.zero}

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
        was = rundir.saved_config(workdir)["model"]
        for key in ("dialect", "pixels"):
            mine, theirs = getattr(self.model, key), was[key]
            if key == "dialect":
                theirs = theirs or models.dialects(self.model.NAME)[0]
            if mine != theirs:
                print(f"note: they were trained with model.{key}={theirs!r}, this run has {mine!r}")
        return taken

    @functools.cached_property
    def train_step(self) -> Any:
        """The jitted step of this config."""
        c = self.config
        return steps.make_train_step(
            self.model, self.tx, self.rate, self.mesh, loss=c.loss, flip=c.data.flip,
            colour=c.data.colour, seed=c.seed, ema_decay=c.ema.decay, accumulate=c.optim.accumulate,
            zero=c.mesh.zero, add_in=self._add_in,
            monitors=c.log.monitors, recompute=c.train.recompute,
        )  # fmt: skip

    @property
    def empty_batch(self) -> dict[str, Any]:
        """A training batch as shapes with their places on the mesh."""
        c, sharding = self.config, meshes.batch(self.mesh)
        image = (c.data.batch_size, c.data.image_size, c.data.image_size, 3)
        return {
            "image": jax.ShapeDtypeStruct(image, jnp.uint8, sharding=sharding),
            "label": jax.ShapeDtypeStruct(image[:1], jnp.int32, sharding=sharding),
            "signal": jax.ShapeDtypeStruct(
                (meshes.shards(self.mesh),), jnp.int32, sharding=sharding
            ),
        }

    def compiled(self) -> Any:
        """The step's program, compiled for the mesh's devices, which need not be there."""
        return self.train_step.lower(self.empty_state, self.empty_batch).compile()

    @property
    def step(self) -> Any:
        """`train_step`; as it was compiled ahead, once it was.

        For several processes no cache keeps programs: calling `train_step` would compile again.
        """
        return self._program or self.train_step

    def compile_ahead(self) -> threading.Thread:
        """Compiles the step beside what comes next: the state is initialised or read meanwhile.

        An error is left to the first step, which compiles again and raises it where it is caught.
        """

        def work() -> None:
            with contextlib.suppress(Exception):
                self._program = self.compiled()

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
