"""The training loop: feed, step, log, save, evaluate; all processes of a job stop at one step."""

import math
import time
from typing import Any, NoReturn

import jax

from inception_jax.checkpoint import Checkpoints
from inception_jax.config import tasks
from inception_jax.data import pipeline
from inception_jax.errors import PreemptedError
from inception_jax.eval import top5
from inception_jax.eval.interval import at_chance
from inception_jax.progress import Progress, duration
from inception_jax.runtime import compiling, distributed, multihost, startup
from inception_jax.runtime.signals import Interrupt
from inception_jax.train.early_stop import EarlyStop
from inception_jax.train.feed import Feed
from inception_jax.train.profile import Trace
from inception_jax.train.sharded_step import SKIP, STOP
from inception_jax.train.state import TrainState
from inception_jax.train.step_log import PendingStep, StepLog
from inception_jax.train.timekeeper import Timekeeper
from inception_jax.train.train_step import finite
from inception_jax.train.trainer import Trainer
from inception_jax.workdir import jsonl
from inception_jax.workdir.metric_writer import Writer
from inception_jax.workdir.run_dir import RunDir

DISK = 1800.0  # seconds that waiting for the disk may take, or for a program that compiles


class Loop:
    """Trains from one step to the end of the run; after a rollback another loop goes on.

    Every process of a job runs it. Decisions depend only on the step's number and its metrics
    (among them the maximum of all processes' signals), so that all processes decide alike.

    Sets `step` and `spent` in `record`, this attempt's line of attempts.jsonl. `start` is the step
    before the first; `window` was saved with its checkpoint, and is None at step 0. `early` gets
    the evaluations, and may end the loop.
    """

    def __init__(
        self, trainer: Trainer, workdir: RunDir, saves: Checkpoints, interrupt: Interrupt,
        clock: Timekeeper, record: dict[str, Any], bar: Progress, trace: Trace, early: EarlyStop, *,
        start: int, window: dict[str, Any] | None,
    ):  # fmt: skip
        self._trainer, self._config, self._workdir = trainer, trainer.config, workdir
        self._saves, self._interrupt, self._clock = saves, interrupt, clock
        self._record, self._bar, self._trace, self._early = record, bar, trace, early
        self._start, self._step = start, start  # _step: the last one logged
        self._pending: list[PendingStep] = []
        self._feed = Feed(trainer, start, interrupt)
        self._writer: Writer | None = None
        if distributed.first():
            logs = {"tensorboard": self._config.log.tensorboard, "track": self._config.log.track}
            self._writer = Writer(workdir, resume_at=start, **logs)
        self._log = StepLog(trainer, workdir, self._writer, bar, clock, self._feed, saves, window)

    def run(self, state: TrainState) -> tuple[TrainState, int, dict[str, Any]]:
        """Steps to the end of the run, or to an early stop of the training.

        Returns:
            The state, the last step, and the window to save with it.

        Raises:
            PreemptedError: a signal came to any process; the state is saved.
            DivergedError: a step's loss, gradient or weights are not finite.
        """
        self._clock.restart()
        step, stopped = self._start, self._early.step
        try:
            if self._start and not self._is_evaluated():  # killed between saving and evaluating
                self.evaluate(self._start, state)
            while step < self._trainer.total and self._early.step == stopped:
                step += 1
                batch, waited = self.feed(step)
                state = self.step(step, state, batch, waited)
                self.log(step, state)
                self.save(step, state)
                self.evaluate(step, state)
            with self._clock.apart("save", DISK, of_window=True):
                self._saves.wait()
            return state, step, self._log.window.state()
        finally:
            self._bar.close()
            if self._writer:
                self._writer.close()
            self._profile(None)

    def feed(self, step: int) -> tuple[pipeline.Batch, float]:
        """This process's slice of the step's batch, and the seconds it was waited for."""
        self._profile(step - self._start)
        began = time.monotonic()
        with self._clock.waiting_for_input():
            batch = next(self._feed)
        return batch, time.monotonic() - began

    def step(
        self, step: int, state: TrainState, batch: pipeline.Batch, waited: float
    ) -> TrainState:
        """Dispatches a step; the device computes it while the one before is logged."""
        self._enter(step, state)
        placed = self._trainer.placed(batch, self._feed.signal(), step)
        with jax.profiler.StepTraceAnnotation("train", step_num=step):
            state, metrics = self._trainer.compiled.of(self._trainer.stage(step))(state, placed)
        monitors = metrics.pop("monitors", {})
        self._pending.append(PendingStep(step, metrics, waited, batch["index"], monitors))
        for line in self._feed.new_unreadable():
            self._log.say(line)
        return state

    def log(self, step: int, state: TrainState) -> None:
        """Logs the steps before this one; this one too if its state is saved or evaluated.

        So the device never waits for the host, and a state whose loss is bad is never saved. The
        last step of a stage is logged too: a signal may come while the next program compiles.
        """
        first = step == self._start + 1
        settled = first or self._saves_at(step) or self._evaluates_at(step)
        keep = 0 if settled or step == self._trainer.stage(step).last else 1
        stop = False
        while len(self._pending) > (0 if stop else keep):
            pending = self._pending.pop(0)
            values = {k: float(v) for k, v in jax.device_get(pending.metrics).items()}
            signal = values.pop("signal")
            if signal == SKIP:
                self._leave(pending.step - 1, state)
            self._log.add(pending, values)
            self._step = self._record["step"] = pending.step
            self._record["spent"] = self._clock.rounded()
            stop = stop or signal == STOP
        if stop:
            self._leave(self._step, state)
        if first and self._clock.started is None:
            self._report_start()
        self._saves.check()

    def save(self, step: int, state: TrainState) -> None:
        """Starts a save if one is due."""
        if self._saves_at(step):
            self._save(step, state)

    def evaluate(self, step: int, state: TrainState) -> None:
        """Evaluates the state if it is due; its time counts for no step."""
        if not self._evaluates_at(step):
            return
        evaluator, began = self._trainer.evaluator_at(step), time.monotonic()

        def stop() -> None:
            multihost.check(self._interrupt)
            self._clock.beat()

        def idle() -> None:  # a single process need not wait for images after a signal
            if jax.process_count() == 1:
                self._interrupt.check()

        # The first evaluation compiles.
        allowed = 0.0 if self._clock.spent["eval"] else DISK
        variables = state.averaged
        quiet = not (self._bar.live and distributed.first())
        try:
            with self._clock.apart("eval", allowed):
                result = evaluator.run(variables, stop=stop, idle=idle, quiet=quiet)
                numbers, task = result.measure.compute(), self._trainer.task
                score = numbers.get(task.score, -math.inf)  # undefined, as of one value in all
                epoch = step / self._trainer.program.per_epoch
                self._early.add(step, score)
                if self._writer:
                    weights = {"weights": "ema" if state.ema else "raw"}
                    values = {**numbers, **weights, "unreadable": len(result.unreadable)}
                    if self._config.train.patience:
                        values["since_best"] = self._early.since_best
                    self._writer.write(step, epoch, evaluator.split, values)
                self._saves.score(step, score)
                folder = self._workdir.path / "eval"
                evaluator.save(folder, result, variables, step, epoch)
        except PreemptedError:
            self._leave(step, state)
        if distributed.first():
            bad = f", {len(result.unreadable)} unreadable" if result.unreadable else ""
            classes = self._trainer.config.data.classes
            known = numbers if top5.informative(classes) else {**numbers, "top5": None}
            self._bar.say(
                f"epoch {epoch:.4g}: {evaluator.split} {tasks.headline(task, known)}, "
                f"{numbers['count']:,} images in {duration(time.monotonic() - began)}{bad}"
            )
            seen = numbers.get("top1", math.nan), numbers["count"], self._log.top1
            if warning := at_chance(evaluator.split, *seen, classes):
                self._bar.say(warning)
        if self._early.step == step:
            self._save(step, state)
            if distributed.first():
                self._bar.say(self._early.reason)

    def _enter(self, step: int, state: TrainState) -> None:
        """Before the first step of a stage: waits until every process has compiled its program.

        Then the next stage's program compiles, while this one's runs.
        """
        stage = self._trainer.stage(step)
        if step == stage.first > self._start + 1:
            thread, quiet = self._trainer.compiled.ahead(stage), not distributed.first()
            try:
                with self._clock.apart("start", DISK), compiling.clock("the next step", quiet):
                    while multihost.any_of(thread.is_alive()):
                        multihost.check(self._interrupt)
                        thread.join(0.2)
            except PreemptedError:
                self._leave(step - 1, state)
        if step in (stage.first, self._start + 1) and stage.last < self._trainer.total:
            self._trainer.compiled.ahead(self._trainer.stage(stage.last + 1))

    def _saves_at(self, step: int) -> bool:
        return step == 1 or self._trainer.due(step, self._config.checkpoint.every_epochs)

    def _evaluates_at(self, step: int) -> bool:
        return self._trainer.due(step, self._config.eval.every_epochs)

    def _save(self, step: int, state: TrainState) -> None:
        if not finite(state):
            self._log.stop("the weights it left")
        with self._clock.apart("save", DISK, of_window=True):
            self._saves.save(step, state, self._log.window.state())

    def _is_evaluated(self) -> bool:
        """Whether metrics.jsonl has an evaluation of the state to start from."""
        wanted = self._start, self._config.eval.split

        def find() -> bool:
            lines = jsonl.each(self._workdir.path / "metrics.jsonl", jsonl.METRICS)
            return any((line["step"], line["split"]) == wanted for line in lines)

        return multihost.decided(find)

    def _leave(self, step: int, state: TrainState) -> NoReturn:
        """Saves and stops, at the same step in every process."""
        self._save(step, state)
        with self._clock.apart("save", DISK, of_window=True):
            self._saves.wait()
        self._step = self._record["step"] = step
        raise PreemptedError(
            f"saved step {step} of {self._trainer.total} and stopped; the same command resumes"
        )

    def _report_start(self) -> None:
        """Prints where the time to the first step went."""
        seconds = self._clock.first_step()
        data, compiler = self._trainer.seconds_to_build, self._trainer.compiled.seconds
        rest = max(seconds - data - compiler, 0.0)
        imports = max(startup.age() - seconds, 0.0)
        if distributed.first():
            self._bar.say(
                f"first step after {duration(seconds)}: data {data:.1f}s, compiler {compiler:.1f}s,"
                f" the rest {rest:.1f}s" + (f"; imports before {imports:.1f}s" if imports else "")
            )

    def _profile(self, step: int | None) -> None:
        """Begins and ends the trace before a step of this loop; None ends an open one."""
        if not self._trace.due(step):
            return
        self._workdir.check()
        with self._clock.apart("save", DISK):
            text = self._trace.toggle(step or self._step - self._start + 1, self._clock.spent)
        if text and distributed.first():
            self._bar.say(text)
