"""The training loop's concerns: feed, step, log, save, evaluate, and stop together."""

import contextlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import jax
import numpy as np

from inception_jax.checkpoint import Checkpoints
from inception_jax.data import pipeline
from inception_jax.errors import DivergedError, PreemptedError
from inception_jax.progress import Progress, duration
from inception_jax.runtime import distributed, multihost, startup
from inception_jax.runtime.signals import Interrupt
from inception_jax.runtime.watchdog import Watchdog
from inception_jax.train import monitors, state, train_step
from inception_jax.train.bottleneck import Bottleneck
from inception_jax.train.profile import Trace
from inception_jax.train.train_step import RUN, SKIP, STOP
from inception_jax.train.trainer import Trainer
from inception_jax.train.window import Window
from inception_jax.workdir import atomic, jsonl
from inception_jax.workdir.metric_writer import Writer

GRACE = 2.0  # seconds that a batch may still take after a signal
SAVING = 1800.0  # seconds that waiting for the disk may take, and the first evaluation's compiler


class PendingStep(NamedTuple):
    """A step that the device was given: its number, its metrics there, and its batch's part here.

    Attributes:
        step: counted from 1.
        metrics: on the device.
        waited: seconds for its batch.
        index: int32 [local batch], its examples.
        noted: its monitors there, {kind: {block: number}}; empty unless `log.monitors`.
    """

    step: int
    metrics: Any
    waited: float
    index: np.ndarray
    noted: monitors.Noted


class Loop:
    """Runs steps in this process; all processes of a job do the same, decided by the same numbers.

    Args:
        job: what is trained.
        workdir: of the run.
        saves: its checkpoints.
        interrupt: signals that ask to stop.
        watchdog: hears of every step.
        record: of this attempt; gets the step and where the time went.
        began: when the process began, by the monotonic clock.
    """

    def __init__(
        self, job: Trainer, workdir: Path, saves: Checkpoints, interrupt: Interrupt,
        watchdog: Watchdog, record: dict[str, Any], began: float,
    ):  # fmt: skip
        self.job, self.workdir, self.saves, self.c = job, workdir, saves, job.config
        self.interrupt, self.watchdog, self.record, self.began = interrupt, watchdog, record, began
        self.bar = Progress(job.total)
        self.spent: dict[str, float] = dict.fromkeys(
            ("start", "steps", "input", "save", "eval"), 0.0
        )
        folder = workdir / "profile" / f"process-{jax.process_index()}"
        self._trace = Trace(folder, job.config.log.profile)
        self._mark: float | None = None  # the end of the last step
        self._shown: dict[str, float] | None = None
        self._asked: float | None = None  # when a signal came while a batch was awaited
        self._evaluations = 0

    def announce(self, start: int) -> None:
        """Says what will run, before the compiler takes its time."""
        if not distributed.first():
            return
        job, c, devices = self.job, self.c, self.job.mesh.devices
        hosts = f" of {jax.process_count()} processes" if jax.process_count() > 1 else ""
        self.bar.say(
            f"{c.model.name} ({job.model.dialect}), {len(job.source):,} images of "
            f"{c.data.classes} classes, {job.total:,} steps of {c.data.batch_size}, "
            f"{devices.size} {devices.flat[0].platform} device{'s' if devices.size > 1 else ''}"
            f"{hosts}" + (f", from step {start}" if start else "")
        )

    def run(self, current: state.TrainState, start: int, log: dict[str, Any] | None) -> None:
        """Steps `start` to the end.

        Raises:
            PreemptedError: a signal came to any process; the state is saved.
            DivergedError: a step's loss or gradient is not finite.
        """
        job, c = self.job, self.c
        self.window, self._void = Window(log), False
        logs = {"tensorboard": c.log.tensorboard, "track": c.log.track}
        self.writer = Writer(self.workdir, resume_at=start, **logs) if distributed.first() else None
        self.reader, batches = job.batches(start, self._idle)
        self.bottleneck, self._named = Bottleneck(c.data.threads), 0
        self._unread: list[PendingStep] = []
        self._mark, self._start, self.step = None, start, start
        self.watchdog.sleep()
        try:
            if start and job.due(start, c.eval.every_epochs) and not self._evaluated(start):
                self._evaluate(start, current)  # killed between saving and evaluating
            for step in range(start + 1, job.total + 1):
                self._profile(step - start)
                current = self._take(step, current, batches)
                save = step == 1 or job.due(step, c.checkpoint.every_epochs)
                test = job.due(step, c.eval.every_epochs)
                # The step runs while the one before it is read: the device never waits for us. What
                # is saved has been read: a state with a bad loss never gets that far.
                self._read(0 if save or test or step == start + 1 else 1, current)
                if step == start + 1:
                    self._begun()
                self.saves.check()
                if save:
                    self._save(step, current)
                if test:
                    self._evaluate(step, current)
            with self.watchdog.allowing(SAVING), self._timed("save"):
                self.saves.wait()
        finally:
            self._profile(None)
            self.bar.close()
            if self.writer:
                self.writer.close()

    def _take(
        self, step: int, current: state.TrainState, batches: Iterator[pipeline.Batch]
    ) -> state.TrainState:
        """Gives the device a step; with a batch that does not count where none can be had."""
        waiting = time.monotonic()
        batch = self._next(batches)
        waited = time.monotonic() - waiting
        self.spent["input"] += waited
        signal = SKIP if self._void else STOP if self.interrupt.signal else RUN
        with jax.profiler.StepTraceAnnotation("train", step_num=step):
            current, metrics = self.job.step(current, self.job.placed(batch, signal))
        noted = metrics.pop("monitors", {})
        self._unread.append(PendingStep(step, metrics, waited, batch["index"], noted))
        self._name_bad()
        return current

    def _next(self, batches: Iterator[pipeline.Batch]) -> pipeline.Batch:
        """The next batch; once none came within `GRACE` of a signal, an empty one."""
        if not self._void:
            try:
                return next(batches)
            except PreemptedError:
                self._void = True
        local = self.c.data.batch_size // jax.process_count()
        return self.reader.empty(local)

    def _idle(self) -> None:
        """While a batch is awaited: a process that has to stop does not wait for long."""
        if self.interrupt.signal:
            self._asked = self._asked or time.monotonic()
            if time.monotonic() - self._asked > GRACE:
                self.interrupt.check()

    def _read(self, keep: int, current: state.TrainState) -> None:
        """Reads all steps that were taken, but `keep`; leaves if a process has to stop.

        All processes read the same numbers of the same steps, so they leave at the same one.
        """
        stop = False
        while len(self._unread) > (0 if stop else keep):
            taken = self._unread.pop(0)
            values = {k: float(v) for k, v in jax.device_get(taken.metrics).items()}
            signal = values.pop("signal")
            if signal == SKIP:
                self._leave(taken.step - 1, current)
            self._note_step(taken, values)
            stop = stop or signal == STOP
        if stop:
            self._leave(self.step, current)

    def _note_step(self, taken: PendingStep, values: dict[str, float]) -> None:
        """Logs and shows a finished step; stops a run that has diverged."""
        job, c, step = self.job, self.c, taken.step
        self._check_finite(taken, values)
        rate = values.pop("lr")
        self.window.add(values, taken.waited)
        self.step = self.record["step"] = step
        if step % c.log.every_steps == 0 or step == job.total:
            means, speed = self.window.means(), self.window.speed(c.data.batch_size)
            if self.writer:
                line = {**means, "lr": rate, **speed}
                self.writer.write(step, step / job.per_epoch, "train", line)
                if taken.noted:  # of this step alone: a mean would hide when a block died
                    blocks = self._blocks(taken)
                    self.writer.write(step, step / job.per_epoch, monitors.SPLIT, blocks)
            # The first stretch has the compiler in it, but may be all that there is.
            if (self._shown or step == job.total) and (
                news := self.bottleneck.news(speed["input_wait"], self.reader.clock.ms())
            ):
                self._say(news)
            self._shown = {**means, **speed}
            self.window = Window()
        self._beat()
        if distributed.first():
            shown = self._shown or {**values, **self.window.speed(c.data.batch_size)}
            self.bar.update(step, _columns(shown, step / job.per_epoch, c.train.epochs))

    def _check_finite(self, taken: PendingStep, values: dict[str, float]) -> None:
        self._taken = taken, values
        if not (math.isfinite(values["loss"]) and math.isfinite(values["grad_norm"])):
            self._diverged(f"loss {values['loss']}, gradient norm {values['grad_norm']}")

    def _diverged(self, what: str) -> NoReturn:
        """Writes which examples the last step that was read had, and stops the run."""
        taken, values = self._taken
        examples = multihost.concatenated(taken.index).tolist()
        blocks = self._blocks(taken)
        path = self.workdir / "diverged" / f"step-{taken.step}.json"
        if distributed.first():
            path.parent.mkdir(exist_ok=True)
            source = self.job.source
            rows = [{"index": i, "name": source.name(i)} for i in examples]
            shown = {k: str(v) for k, v in values.items()}  # JSON has no word for nan
            noted = {kind: {b: str(v) for b, v in x.items()} for kind, x in blocks.items()}
            dump = {"step": taken.step, "metrics": shown, "before": self._shown}
            dump |= {"monitors": noted, "examples": rows}
            atomic.write_text(path, json.dumps(dump, indent=1))
        error = DivergedError(
            f"step {taken.step}: {what}: expected finite numbers. Its {len(examples)} examples are "
            f"in {path}. The last checkpoint is of step {self.saves.latest()}. Lower optim.lr, "
            f"lengthen optim.warmup_epochs, set optim.clip, or train.on_divergence=rollback. "
            f"{monitors.worst(blocks)}".rstrip()
        )
        error.step = taken.step
        raise error

    def _blocks(self, taken: PendingStep) -> dict[str, dict[str, float]]:
        """A step's monitors, in the order of the network."""
        rows = [row.name for row in self.job.model.rows()]
        return monitors.line(jax.device_get(taken.noted), rows)

    def _begun(self) -> None:
        """The first step is done: the compiler is too."""
        now = time.monotonic()
        self.spent["start"] += now - self.began
        if distributed.first():
            self.bar.say(self._first(now - self.began))

    def _first(self, seconds: float) -> str:
        """Where the time to the first step went; what is beside the compiler counts as its."""
        data, compiler = self.job.seconds_to_build, self.job.seconds_to_compile
        rest = max(seconds - data - compiler, 0.0)
        imports = max(startup.age() - seconds, 0.0)
        return (
            f"first step after {duration(seconds)}: data {data:.1f}s, compiler {compiler:.1f}s, "
            f"the rest {rest:.1f}s" + (f"; before it imports {imports:.1f}s" if imports else "")
        )

    def _beat(self) -> None:
        """A step was done, and the time since the last one was its."""
        now = time.monotonic()
        if self._mark is None:
            self.watchdog.beat()
        else:
            self.watchdog.beat(now - self._mark)
            self.spent["steps"] += now - self._mark
        self._mark = now
        self.record["spent"] = {k: round(v, 3) for k, v in self.spent.items()}

    @contextlib.contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        """What is done within is not a step's time."""
        began = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self.spent[what] += seconds
            if self._mark is not None:
                self._mark += seconds

    def _save(self, step: int, current: state.TrainState) -> None:
        if not train_step.finite(current):
            self._diverged("the weights it left")
        with self.watchdog.allowing(SAVING), self._timed("save"):
            self.saves.save(step, current, self.window.saved())

    def _evaluated(self, step: int) -> bool:
        def look() -> bool:
            lines = jsonl.read(self.workdir / "metrics.jsonl")
            return any(x["step"] == step and x["split"] == self.c.eval.split for x in lines)

        return multihost.decided(look)

    def _name_bad(self) -> None:
        reasons = list(self.reader.bad.reasons.items())
        for name, reason in reasons[self._named :]:
            self._say(f"unreadable image {name}: {reason} ({len(reasons)} so far, replaced)")
        self._named = len(reasons)

    def _say(self, text: str) -> None:
        """A line of this process's own."""
        who = f"process {jax.process_index()}: " if jax.process_count() > 1 else ""
        self.bar.say(who + text)

    def _evaluate(self, step: int, current: state.TrainState) -> None:
        began, job = time.monotonic(), self.job

        def stop() -> None:
            multihost.check(self.interrupt)
            self.watchdog.beat()

        # The first evaluation waits for the compiler.
        allowed = 0.0 if self._evaluations else SAVING
        self._evaluations += 1
        variables = current.averaged
        try:
            with self.watchdog.allowing(allowed), self._timed("eval"):
                quiet = not (self.bar.live and distributed.first())
                result = job.evaluator.run(variables, stop=stop, idle=self._alone, quiet=quiet)
        except PreemptedError:
            self._leave(step, current)
        numbers = result.sums.compute()
        epoch = step / job.per_epoch
        if self.writer:
            weights = "ema" if current.ema else "raw"
            extra = {"weights": weights, "unreadable": len(result.unreadable)}
            self.writer.write(step, epoch, job.evaluator.split, {**numbers, **extra})
        self.saves.score(step, numbers["top1"])
        job.evaluator.save(self.workdir, result, variables, step, epoch)
        if distributed.first():
            self.bar.say(
                f"epoch {epoch:.4g}: {job.evaluator.split} top1 {numbers['top1']:.2%}, top5 "
                f"{numbers['top5']:.2%}, loss {numbers['loss']:.3f}, {numbers['count']:,} images "
                f"in {duration(time.monotonic() - began)}"
                + (f", {len(result.unreadable)} unreadable" if result.unreadable else "")
            )
        # Evaluation is no part of the training rate.
        self.window.clock += time.monotonic() - began

    def _alone(self) -> None:
        """While an evaluation's input is awaited: a process with no others need not wait."""
        if jax.process_count() == 1:
            self.interrupt.check()

    def _leave(self, step: int, current: state.TrainState) -> NoReturn:
        self._save(step, current)
        with self.watchdog.allowing(SAVING), self._timed("save"):
            self.saves.wait()
        self.step = self.record["step"] = step
        raise PreemptedError(
            f"saved step {step} of {self.job.total} and stopped; the same command resumes"
        )

    def _profile(self, step: int | None) -> None:
        """Begins and ends the trace of `log.profile` before a step; None ends what is open."""
        if not self._trace.due(step):
            return
        began, step = time.monotonic(), step or self.step - self._start + 1
        with self.watchdog.allowing(SAVING), self._timed("save"):
            words = self._trace.toggle(step, self.spent)
        self.window.clock += time.monotonic() - began  # no step took it
        if words and distributed.first():
            self.bar.say(words)


def _columns(shown: dict[str, float], epoch: float, epochs: float) -> dict[str, str]:
    """What the bar shows."""
    return {
        "epoch": f"{epoch:.1f}/{epochs:g}",
        "loss": f"{shown['loss']:.3f}",
        "top1": f"{shown['top1']:.1%}",
        "images/s": f"{shown['images_per_s']:.0f}",
        "input": f"{shown['input_wait']:.0%}",
    }
