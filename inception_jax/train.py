"""Training: one config, one directory; the same call continues what an earlier one began."""

import json
import math
import time
from pathlib import Path
from typing import Any

import jax

from inception_jax import mesh as meshes
from inception_jax import monitors, rundir, state
from inception_jax.bottleneck import Bottleneck
from inception_jax.checkpoint import Checkpoints
from inception_jax.data import pipeline
from inception_jax.errors import DivergedError, PreemptedError
from inception_jax.interrupt import Interrupt
from inception_jax.job import Job
from inception_jax.progress import Progress, duration
from inception_jax.window import Window
from inception_jax.writer import Writer, read_lines


def run(config: Any, workdir: Path, allow_config_change: bool = False) -> None:
    """Trains `config` in `workdir` to its end, from wherever an earlier call got to.

    Raises:
        UserError: each kind ends the command with its own exit code (`errors`).
    """
    job = Job(config)
    # What cannot work is refused before the directory exists.
    empty = job.empty_state
    start = job.start_arrays()
    with rundir.opened(workdir, config, allow_config_change), Interrupt() as interrupt:
        rundir.replace(workdir / "classes.json", json.dumps(list(job.source.classes)))
        saves = Checkpoints(workdir / "checkpoints", keep=config.checkpoint.keep)
        newest = saves.latest()
        with rundir.attempt(workdir, newest or 0) as record:
            try:
                loop = Loop(job, workdir, saves, interrupt, record)
                loop.announce(newest or 0)
                compiling = job.compile_ahead()
                try:
                    if newest is None:
                        current, log = job.fresh_state(start), None
                    else:
                        current, log = saves.restore(newest, empty)
                finally:
                    compiling.join()  # a process must not end inside the compiler
                loop.run(current, newest or 0, log)
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
        self.bar = Progress(job.total)
        self.began = time.monotonic()

    def announce(self, start: int) -> None:
        """Says what will run, before the compiler takes its time."""
        job, c = self.job, self.c
        devices = job.mesh.devices
        self.bar.say(
            f"{c.model.name} ({job.model.dialect}), {len(job.source):,} images of "
            f"{c.data.classes} classes, {job.total:,} steps of {c.data.batch_size}, "
            f"{devices.size} {devices.flat[0].platform} device{'s' if devices.size > 1 else ''}"
            + (f", from step {start}" if start else "")
        )

    def run(self, current: state.TrainState, start: int, log: dict[str, Any] | None) -> None:
        """Steps `start` to the end."""
        job, c = self.job, self.c
        step_fn = job.train_step
        self.window = Window(log)
        logs = {"tensorboard": c.log.tensorboard, "track": c.log.track}
        self.writer = Writer(self.workdir, resume_at=start, **logs)
        read, batches = job.batches(start)
        placed = meshes.batch(job.mesh)
        self.reader, self.bottleneck = read, Bottleneck(c.data.threads)
        pending: tuple[int, Any, float] | None = None
        named = 0
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
                    self.bar.say(f"first step after {duration(time.monotonic() - self.began)}")
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

    def _read(self, step: int, metrics: Any, waited: float) -> None:
        """Fetches a finished step's metrics; logs, shows, and stops a run that has diverged."""
        job, c = self.job, self.c
        noted = metrics.pop("monitors", {})
        values = {k: float(v) for k, v in jax.device_get(metrics).items()}
        if not (math.isfinite(values["loss"]) and math.isfinite(values["grad_norm"])):
            saved = self.saves.latest()
            raise DivergedError(
                f"step {step}: loss {values['loss']}, gradient norm {values['grad_norm']}: "
                f"expected finite numbers. The last checkpoint is of step {saved}. Lower optim.lr, "
                f"lengthen optim.warmup_epochs or set optim.clip. "
                + monitors.worst(self._blocks(noted))
            )
        rate = values.pop("lr")
        self.window.add(values, waited)
        if step % c.log.every_steps == 0 or step == job.total:
            means, speed = self.window.means(), self.window.speed(c.data.batch_size)
            self.writer.write(step, step / job.per_epoch, "train", {**means, "lr": rate, **speed})
            if noted:  # of this step alone: a mean would hide when a block died
                self.writer.write(step, step / job.per_epoch, monitors.SPLIT, self._blocks(noted))
            # The first stretch has the compiler in it, but may be all that there is.
            if hasattr(self, "shown") or step == job.total:
                self._blame(speed["input_wait"])
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

    def _blocks(self, noted: Any) -> dict[str, dict[str, float]]:
        """What a step's monitors hold, in the order of the network."""
        return monitors.line(jax.device_get(noted), [row.name for row in self.job.model.rows()])

    def _blame(self, waited: float) -> None:
        if news := self.bottleneck.news(waited, self.reader.clock.ms()):
            self.bar.say(news)

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
        extra = {"weights": weights, "unreadable": len(result.unreadable)}
        self.writer.write(step, epoch, job.evaluator.split, {**numbers, **extra})
        job.evaluator.save(self.workdir, result, variables, step, epoch)
        self.bar.say(
            f"epoch {epoch:.4g}: {job.evaluator.split} top1 {numbers['top1']:.2%}, top5 "
            f"{numbers['top5']:.2%}, loss {numbers['loss']:.3f}, {numbers['count']:,} images in "
            f"{duration(time.monotonic() - started)}"
            + (f", {len(result.unreadable)} unreadable" if result.unreadable else "")
        )
        # Evaluation is no part of the training rate.
        self.window.clock += time.monotonic() - started

    def _leave(self, step: int, current: state.TrainState) -> None:
        self.saves.save(step, current, self.window.saved())
        self.saves.wait()
        raise PreemptedError(
            f"saved step {step} of {self.job.total} and stopped; the same command resumes"
        )
