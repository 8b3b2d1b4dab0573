"""The state, progress and metric of a trial, from the files of its run."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inception_jax.launch import retry
from inception_jax.report import attempts, records, runs
from inception_jax.report.curves import Curve
from inception_jax.report.runs import Run
from inception_jax.sweep.trial import DONE, FAILED, PRUNED, RUNNING, STOPPED, WAITING, Trial

STATES = {"complete": DONE, "pruned": PRUNED, "fail": FAILED}


@dataclass(frozen=True)
class TrialProgress:
    """A trial with its run.

    Attributes:
        trial: a trial of the sweep.
        metric: metric by which trials are compared.
        run: the run; None before it was started.
        verdict: the last verdict of `launch.retry`, if any.
    """

    trial: Trial
    metric: str
    run: Run | None = None
    verdict: dict[str, Any] | None = None

    @cached_property
    def state(self) -> str:
        """Done, pruned, running, stopped (can be resumed), waiting, or failed."""
        if self.trial.outcome:
            return STATES[self.trial.outcome]
        if self.run is None or not (self.run.attempts or self.run.status.word == DONE):
            if self.verdict is None:
                return WAITING
            return STOPPED if self.verdict["again"] else FAILED
        if self.run.status.word in (DONE, RUNNING):
            return self.run.status.word
        last = self.run.attempts[-1]
        if self.verdict is not None and self.verdict["time"] >= (last.end or last.start):
            again = self.verdict["again"] or self.verdict["code"] in retry.STOPPED
            return STOPPED if again else FAILED
        return STOPPED if last.code in (None, *retry.STOPPED) else FAILED

    @property
    def why(self) -> str:
        """The reason of the state, or the host of a running trial."""
        if self.trial.outcome:
            return self.trial.why
        if self.state == FAILED or (self.state == STOPPED and self.verdict):
            return str((self.verdict or {}).get("why") or (self.run and self.run.status.detail))
        if self.run is None or self.run.status.detail == attempts.FINISHED:
            return ""
        return self.run.attempts[-1].host if self.state == RUNNING else self.run.status.detail

    @property
    def epochs(self) -> float:
        """Number of epochs of the run; 0 before it was started."""
        epochs = runs.setting(self.run.config, "train", "epochs") if self.run else None
        return epochs if isinstance(epochs, int | float) else 0.0

    @property
    def epoch(self) -> float:
        """The epoch that the run has reached."""
        if self.run is None:
            return 0.0
        done = self.state == DONE
        newest = [c.newest["epoch"] for c in self.run.curves]
        return min(self.epochs, max(newest, default=self.epochs if done else 0.0))

    @property
    def evaluation_curves(self) -> list[Curve]:
        """The curves of the evaluated split; that of the averaged weights is last."""
        if self.run is None:
            return []
        split = runs.setting(self.run.config, "eval", "split")
        curves = [c for c in self.run.curves if c.split == split]
        return sorted(curves, key=lambda c: c.weights == "ema")

    @cached_property
    def values(self) -> list[tuple[float, float]]:
        """(epoch, metric) of each evaluation; averaged weights are preferred."""
        values = {}
        for curve in self.evaluation_curves:
            columns = curve.columns
            if self.metric in columns:
                finite = np.isfinite(columns[self.metric])
                rows = (columns[key][finite].tolist() for key in ("epoch", self.metric))
                values |= dict(zip(*rows, strict=True))
        return sorted(values.items())

    @property
    def value(self) -> float | None:
        """The metric of the last evaluation."""
        return self.values[-1][1] if self.values else None

    @property
    def count(self) -> int | None:
        """The number of images of the last evaluation."""
        curves = self.evaluation_curves
        return records.whole(curves[-1].newest, "count") if curves else None

    @property
    def attempts(self) -> int:
        """Number of attempts."""
        return len(self.run.attempts) if self.run else 0

    @property
    def seconds(self) -> float | None:
        """Seconds of work, without pauses."""
        return self.run.seconds if self.run else None


def read(trial: Trial, metric: str) -> TrialProgress:
    """Read a trial's progress from its files."""
    verdicts = retry.verdicts(trial.folder)
    verdict = verdicts[-1] if verdicts else None
    if not (trial.folder / "config.json").is_file():
        return TrialProgress(trial, metric, None, verdict)
    return TrialProgress(trial, metric, runs.read(trial.folder, brief=True), verdict)
