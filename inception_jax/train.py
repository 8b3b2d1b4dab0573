"""Training: one config, one directory; the same call continues what an earlier one began."""

import json
import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from inception_jax import checkpoint, models, optim, rundir, state, steps
from inception_jax import mesh as meshes
from inception_jax.checkpoint import Checkpoints
from inception_jax.data import open_source, pipeline
from inception_jax.errors import ConfigError, DivergedError, PreemptedError
from inception_jax.evaluate import Evaluator
from inception_jax.models import Network
from inception_jax.progress import Progress, duration
from inception_jax.writer import Writer, read_lines


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
    """Everything a run needs, built from its config and checked, before anything is written."""

    def __init__(self, config: Any):
        started = time.monotonic()
        c = self.config = config
        self.source = open_source(c.data, c.data.train_split)
        found = len(self.source.classes)
        if found != c.data.classes:
            raise ConfigError(
                f"--config.data.classes={c.data.classes}: expected {found}, the number of classes in "
                f"split {c.data.train_split!r}; set data.classes and model.num_classes"
            )
        self.model = build_model(c.model)
        self.mesh = meshes.make(c.mesh.data, c.mesh.model)
        self._check_devices()
        self.evaluator = Evaluator(c, self.model, self.mesh, c.eval.split)
        self.per_epoch = len(self.source) / c.data.batch_size
        self.total = math.ceil(c.train.epochs * self.per_epoch - 1e-9)
        self.tx, self.rate = optim.build(
            c.optim, epochs=c.train.epochs, steps_per_epoch=self.per_epoch
        )
        self.seconds_to_build = time.monotonic() - started

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

    def fresh_state(self) -> state.TrainState:
        """The state at step 0, on the mesh: random, or with the parameters of `checkpoint.init`."""
        c = self.config
        start = self._start_from(Path(c.checkpoint.init)) if c.checkpoint.init else None
        try:
            return state.create(
                self.model, self.tx, self.mesh, image_size=c.data.image_size, seed=c.seed,
                ema=c.ema.decay > 0, start=start,
            )  # fmt: skip
        except models.ImageTooSmallError as e:
            raise ConfigError(
                f"--config.data.image_size={c.data.image_size} is too small for {c.model.name}: {e}; "
                f"use a larger image, --config.model.stem=small, or --config.model.aux=false where an "
                f"auxiliary head is named"
            ) from e

    def _start_from(self, workdir: Path) -> dict[str, Any]:
        step, found = checkpoint.load(workdir)
        size = self.config.data.image_size
        shapes = jax.eval_shape(lambda: models.init(self.model, 0, size))
        taken, new, unused = state.same_leaves(shapes, found)
        if not taken:
            raise ConfigError(
                f"--config.checkpoint.init={workdir}: none of its parameters fits "
                f"{self.config.model.name}; is it another network, dialect or width?"
            )
        print(
            f"{len(taken)} arrays from {workdir} at step {step}; fresh: {', '.join(new) or 'none'}"
        )
        if unused:
            print(f"not used: {', '.join(unused)}")
        return taken

    def train_step(self) -> Any:
        """The jitted step of this config."""
        c = self.config
        return steps.make_train_step(
            self.model, self.tx, self.rate, self.mesh, loss=c.loss, flip=c.data.flip,
            colour=c.data.colour, seed=c.seed, ema_decay=c.ema.decay, accumulate=c.optim.accumulate,
        )  # fmt: skip

    def batches(self, start: int) -> tuple[pipeline.TrainReader, Iterator[pipeline.Batch]]:
        """The batches from step `start` on, and their reader."""
        c = self.config
        read = pipeline.TrainReader(self.source, c.data, c.seed)
        shard = pipeline.Shard(jax.process_index(), jax.process_count())
        span = range(start, self.total)
        return read, pipeline.batches(read, c.data.batch_size, span, c.data.threads, shard)

    def due(self, step: int, every_epochs: float) -> bool:
        """Whether an epoch multiple of `every_epochs` ends at `step`, or the run does."""

        def count(s: int) -> int:
            return math.floor(s / (self.per_epoch * every_epochs) + 1e-9)

        return step == self.total or count(step) > count(step - 1)


class Window:
    """Means of the steps since the last written line; saved with a checkpoint, so a resumed run
    writes the same lines as an undisturbed one.
    """  # fmt: skip

    def __init__(self, saved: dict[str, Any] | None = None):
        self.sums: dict[str, float] = dict((saved or {}).get("sums", {}))
        self.count: int = (saved or {}).get("count", 0)
        self.clock, self.waited, self.timed = time.monotonic(), 0.0, 0

    def add(self, metrics: dict[str, float], waited: float) -> None:
        """Adds one step's metrics and the seconds it waited for its batch."""
        for key, value in metrics.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
        self.count, self.timed, self.waited = self.count + 1, self.timed + 1, self.waited + waited

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"sums": self.sums, "count": self.count}

    def means(self) -> dict[str, float]:
        """The means, lr excepted: that is the last step's."""
        return {k: v / self.count for k, v in self.sums.items()}

    def speed(self, batch_size: int) -> dict[str, float]:
        """Images a second, and the share of the time spent waiting for input."""
        seconds = max(time.monotonic() - self.clock, 1e-9)
        return {
            "images_per_s": self.timed * batch_size / seconds,
            "input_wait": min(self.waited / seconds, 1.0),
        }


class Interrupt:
    """SIGTERM and SIGINT as a flag that the loop looks at between steps; a second one is not held."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: Any) -> None:
        self.signal = number
        signal.signal(number, self._before[number])

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises PreemptedError once a signal has come."""
        if self.signal:
            raise PreemptedError(f"stopped by {signal.Signals(self.signal).name}")


def run(config: Any, workdir: Path, allow_config_change: bool = False) -> None:
    """Trains `config` in `workdir` to its end, from wherever an earlier call got to.

    Raises:
        UserError: each kind ends the command with its own exit code (`errors`).
    """
    job = Job(config)
    # Shapes only: a network that the images do not fit is refused before the directory exists.
    jax.eval_shape(job.fresh_state) if not config.checkpoint.init else None
    with rundir.opened(workdir, config, allow_config_change), Interrupt() as interrupt:
        rundir.replace(workdir / "classes.json", json.dumps(list(job.source.classes)))
        saves = Checkpoints(workdir / "checkpoints", keep=config.checkpoint.keep)
        newest = saves.latest()
        current, log = job.fresh_state(), None
        if newest is not None:
            current, log = saves.restore(newest, current)
        with rundir.attempt(workdir, newest or 0) as record:
            try:
                Loop(job, workdir, saves, interrupt, record).run(current, newest or 0, log)
            finally:
                saves.close()
        (workdir / "DONE").touch()


class Loop:
    """The training loop's five concerns: feed, step, log, save, evaluate."""

    def __init__(
        self, job: Job, workdir: Path, saves: Checkpoints, interrupt: Interrupt, record: Any
    ):
        self.job, self.workdir, self.saves = job, workdir, saves
        self.interrupt, self.record = interrupt, record
        self.c = job.config

    def run(self, current: state.TrainState, start: int, log: dict[str, Any] | None) -> None:
        """Steps `start` to the end."""
        job, c = self.job, self.c
        step_fn = job.train_step()
        self.bar = Progress(job.total, start)
        self.window = Window(log)
        logs = {"tensorboard": c.log.tensorboard, "track": c.log.track}
        self.writer = Writer(self.workdir, resume_at=start, **logs)
        self._announce(start)
        read, batches = job.batches(start)
        placed = meshes.batch(job.mesh)
        pending: tuple[int, Any, float] | None = None
        began, named = time.monotonic(), 0
        try:
            if start and job.due(start, c.eval.every_epochs) and not self._evaluated(start):
                self._evaluate(start, current)  # killed between saving and evaluating
            for step in range(start + 1, job.total + 1):
                waiting = time.monotonic()
                batch = next(batches)
                waited = time.monotonic() - waiting
                batch = meshes.put({k: batch[k] for k in ("image", "label")}, placed)
                current, metrics = step_fn(current, batch)
                # The step runs while the one before it is read: the device never waits for us.
                if pending:
                    self._read(*pending)
                pending = (step, metrics, waited)
                if step == start + 1:
                    self._read(*pending)
                    pending = None
                    self.bar.say(f"first step after {duration(time.monotonic() - began)}")
                if len(read.bad.reasons) > named:
                    named = self._name_bad(read, named)
                save, test = self._due(step)
                if (save or test) and pending:
                    # What is saved has been read: a state with a bad loss never gets that far.
                    self._read(*pending)
                    pending = None
                if save:
                    self.saves.save(step, current, self.window.saved())
                self.record["step"] = step
                if self.interrupt.signal:
                    self._leave(step, current)
                if test:
                    self._evaluate(step, current)
            self.saves.wait()
        finally:
            self.bar.close()
            self.writer.close()

    def _due(self, step: int) -> tuple[bool, bool]:
        job, c = self.job, self.c
        stop = self.interrupt.signal is not None
        save = stop or job.due(step, c.checkpoint.every_epochs)
        return save, not stop and job.due(step, c.eval.every_epochs)

    def _announce(self, start: int) -> None:
        job, c = self.job, self.c
        devices = job.mesh.devices
        self.bar.say(
            f"{c.model.name} ({job.model.dialect}), {len(job.source):,} images of "
            f"{c.data.classes} classes, {job.total:,} steps of {c.data.batch_size}, "
            f"{devices.size} {devices.flat[0].platform} device{'s' if devices.size > 1 else ''}"
            + (f", from step {start}" if start else "")
        )

    def _read(self, step: int, metrics: Any, waited: float) -> None:
        """Fetches a finished step's metrics; logs, shows, and stops a run that has diverged."""
        job, c = self.job, self.c
        values = {k: float(v) for k, v in jax.device_get(metrics).items()}
        if not (math.isfinite(values["loss"]) and math.isfinite(values["grad_norm"])):
            saved = self.saves.latest()
            raise DivergedError(
                f"step {step}: loss {values['loss']}, gradient norm {values['grad_norm']}: expected "
                f"finite numbers. The last checkpoint is of step {saved}. Lower optim.lr, lengthen "
                f"optim.warmup_epochs or set optim.clip."
            )
        rate = values.pop("lr")
        self.window.add(values, waited)
        if step % c.log.every_steps == 0 or step == job.total:
            means, speed = self.window.means(), self.window.speed(c.data.batch_size)
            self.writer.write(step, step / job.per_epoch, "train", {**means, "lr": rate, **speed})
            self.shown = {**means, **speed}
            self.window = Window()
        shown = getattr(self, "shown", None) or {**values, **self.window.speed(c.data.batch_size)}
        self.bar.update(
            step,
            {
                "epoch": f"{step / job.per_epoch:.1f}/{c.train.epochs:g}",
                "loss": f"{shown['loss']:.3f}",
                "top1": f"{shown['top1']:.1%}",
                "images/s": f"{shown['images_per_s']:.0f}",
                "input": f"{shown['input_wait']:.0%}",
            },
        )

    def _evaluated(self, step: int) -> bool:
        lines = read_lines(self.workdir / "metrics.jsonl")
        return any(x["step"] == step and x["split"] == self.c.eval.split for x in lines)

    def _name_bad(self, read: pipeline.TrainReader, named: int) -> int:
        reasons = list(read.bad.reasons.items())
        for name, reason in reasons[named:]:
            self.bar.say(f"unreadable image {name}: {reason} ({len(reasons)} so far, replaced)")
        return len(reasons)

    def _evaluate(self, step: int, current: state.TrainState) -> None:
        started, job = time.monotonic(), self.job
        variables = current.averaged
        try:
            result = job.evaluator.run(
                variables, stop=self.interrupt.check, quiet=not self.bar.live
            )
        except PreemptedError:
            self._leave(step, current)
        numbers = result.sums.compute()
        weights = "ema" if current.ema else "raw"
        epoch = step / job.per_epoch
        extra = {"weights": weights, "unreadable": len(result.bad)}
        self.writer.write(step, epoch, job.evaluator.split, {**numbers, **extra})
        job.evaluator.save(self.workdir, result, variables, step, epoch)
        self.bar.say(
            f"epoch {epoch:.4g}: {job.evaluator.split} top1 {numbers['top1']:.2%}, top5 "
            f"{numbers['top5']:.2%}, loss {numbers['loss']:.3f}, {numbers['count']:,} images in "
            f"{duration(time.monotonic() - started)}"
            + (f", {len(result.bad)} unreadable" if result.bad else "")
        )
        # Evaluation is no part of the training rate.
        self.window.clock += time.monotonic() - started

    def _leave(self, step: int, current: state.TrainState) -> None:
        self.saves.save(step, current, self.window.saved())
        self.saves.wait()
        raise PreemptedError(
            f"saved step {step} of {self.job.total} and stopped; the same command resumes"
        )
