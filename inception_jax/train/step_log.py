"""Check, average, write and print the metrics of each step."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import jax
import numpy as np

from inception_jax.checkpoint import Checkpoints
from inception_jax.config import tasks
from inception_jax.data import readers
from inception_jax.errors import DivergedError
from inception_jax.progress import Progress
from inception_jax.runtime import distributed, multihost
from inception_jax.train import monitors
from inception_jax.train.bottleneck import Bottleneck
from inception_jax.train.feed import Feed
from inception_jax.train.timekeeper import Timekeeper
from inception_jax.train.trainer import Trainer
from inception_jax.train.window import Window
from inception_jax.workdir import atomic
from inception_jax.workdir.metric_writer import Writer
from inception_jax.workdir.run_dir import RunDir


class PendingStep(NamedTuple):
    """A step that the device is computing.

    Attributes:
        step: counted from 1.
        metrics: on the device.
        waited: seconds for its batch.
        index: int32 [local batch], its examples.
        monitors: on the device, {kind: {block: scalar}}; empty unless `log.monitors`.
    """

    step: int
    metrics: Any
    waited: float
    index: np.ndarray
    monitors: monitors.Noted


class StepLog:
    """Writes the mean of every `log.every_steps` steps; shows each; stops a run that diverges.

    Only the first process has a `writer`. `window` was saved with the checkpoint that the steps
    start from.
    """

    def __init__(
        self, trainer: Trainer, workdir: RunDir, writer: Writer | None, bar: Progress,
        clock: Timekeeper, feed: Feed, saves: Checkpoints, window: Mapping[str, Any] | None,
    ):  # fmt: skip
        self.window = Window(window)
        self._trainer, self._workdir, self._writer = trainer, workdir, writer
        self._bar, self._clock, self._feed = bar, clock, feed
        self._saves, self._config = saves, trainer.config
        self._bottleneck = Bottleneck(readers.of(self._config.data).threads)
        self._shown: dict[str, float] | None = None  # means of the last line
        self._last: tuple[PendingStep, dict[str, float]] | None = None

    def add(self, pending: PendingStep, values: dict[str, float]) -> None:
        """Takes a finished step's metrics.

        Raises:
            DivergedError: its loss or gradient is not finite.
        """
        c, step, total = self._config, pending.step, self._trainer.total
        self._last = pending, values
        loss, grad_norm = values["loss"], values.get("grad_norm", 0.0)  # recalibration has none
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            self.stop(f"loss {loss}, gradient norm {grad_norm}")
        metrics = {k: v for k, v in values.items() if k != "lr"}
        self.window.add(metrics)
        self._clock.count(pending.waited)
        if step % c.log.every_steps == 0 or step == total:
            self._write(pending, values["lr"])
        self._clock.step_done()
        if distributed.first():
            shown = self._shown or {**metrics, **self._clock.speed(c.data.batch_size)}
            running = tasks.of(c.data).running
            self._bar.update(step, _columns(shown, self._epoch(step), c.train.epochs, running))

    @property
    def top1(self) -> float:
        """The training top-1 of the last line, or of the last step before there is one."""
        return (self._shown or (self._last[1] if self._last else {})).get("top1", 0.0)

    def say(self, text: str) -> None:
        """A line of this process's own."""
        process = f"process {jax.process_index()}: " if jax.process_count() > 1 else ""
        self._bar.say(process + text)

    def stop(self, reason: str) -> NoReturn:
        """Writes the last finished step to diverged/step-<step>.json and stops the run.

        Raises:
            DivergedError: always. All processes must call it.
        """
        assert self._last is not None
        pending, values = self._last
        blocks, examples = self._blocks(pending), multihost.concatenated(pending.index).tolist()
        path = self._workdir.path / "diverged" / f"step-{pending.step}.json"
        if distributed.first():
            self._workdir.check()
            path.parent.mkdir(exist_ok=True)
            name = self._trainer.source.name
            document = {
                "step": pending.step,
                "metrics": {k: str(v) for k, v in values.items()},  # JSON has no NaN
                "before": self._shown,
                "monitors": {k: {b: str(v) for b, v in x.items()} for k, x in blocks.items()},
                "examples": [{"index": i, "name": name(i)} for i in examples],
            }
            atomic.write_text(path, json.dumps(document, indent=1))
        error = DivergedError(
            f"step {pending.step}: {reason}: expected finite numbers. Its {len(examples)} examples "
            f"are in {path}. The last checkpoint is of step {self._saves.latest}. Lower optim.lr, "
            f"lengthen optim.warmup_epochs, set optim.clip, or train.on_divergence=rollback. "
            f"{monitors.worst(blocks)}".rstrip()
        )
        error.step = pending.step
        raise error

    def _write(self, pending: PendingStep, rate: float) -> None:
        """The line of the window that ends with a step; the next one begins."""
        step, total = pending.step, self._trainer.total
        means, speed = self.window.means(), self._clock.speed(self._config.data.batch_size)
        if self._writer:
            epoch = self._epoch(step)
            self._writer.write(step, epoch, "train", {**means, "lr": rate, **speed})
            if pending.monitors:  # of this step alone: a mean would hide when a block died
                self._writer.write(step, epoch, monitors.SPLIT, self._blocks(pending))
        # The first window contains the compilation; judge by it only if it is the only one.
        stored = self._trainer.program.boundary(self._trainer.stage(step))  # waits for no image
        if not stored and (self._shown or step == total):
            verdict = self._bottleneck.verdict(speed["input_wait"], self._feed.stages())
            if verdict:
                self.say(verdict)
        self._shown = {**means, **speed}
        self.window = Window()
        self._clock.open_window()

    def _blocks(self, pending: PendingStep) -> dict[str, dict[str, float]]:
        """A step's monitors, in the order of the network."""
        rows = [row.name for row in self._trainer.program.model.rows()]
        return monitors.line(jax.device_get(pending.monitors), rows)

    def _epoch(self, step: int) -> float:
        return step / self._trainer.program.per_epoch


def _columns(
    shown: Mapping[str, float], epoch: float, epochs: float, running: str
) -> dict[str, str]:
    """The progress line's columns, with the task's `running` metric; a narrow line has the last."""
    return {
        "epoch": f"{epoch:.1f}/{epochs:g}",
        "input": f"{shown['input_wait']:.0%}",
        running: f"{shown[running]:.1%}",
        "loss": f"{shown['loss']:.3f}",
        "images/s": f"{shown['images_per_s']:.0f}",
    }
