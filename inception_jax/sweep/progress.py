"""How far a trial is, and how good: from the files of its run alone."""

from dataclasses import dataclass
from functools import cached_property

from inception_jax.launch import retry
from inception_jax.report import records, runs
from inception_jax.report.curves import Curve
from inception_jax.report.runs import Run
from inception_jax.sweep.trial import (
    DONE,
    FAILED,
    PRUNED,
    RUNNING,
    STOPPED,
    WAITING,
    Trial,
)

TOLD = {"complete": DONE, "pruned": PRUNED, "fail": FAILED}


@dataclass(frozen=True)
class TrialProgress:
    """A trial with its run.

    Attributes:
        trial: of the sweep.
        metric: that trials are compared by.
        run: what its files say; None before it was started.
        verdict: the last one on starting it again; None if there is none.
    """

    trial: Trial
    metric: str
    run: Run | None = None
    verdict: dict | None = None

    @cached_property
    def state(self) -> str:
        """Done, pruned, running, stopped (and to be continued), waiting, or failed."""
        if self.trial.told:
            return TOLD[self.trial.told]
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
        """A few words on the state."""
        if self.trial.told:
            return self.trial.why
        if self.state == FAILED or (self.state == STOPPED and self.verdict):
            return str((self.verdict or {}).get("why") or (self.run and self.run.status.detail))
        if self.run is None or self.state == DONE:
            return ""
        return self.run.attempts[-1].host if self.state == RUNNING else self.run.status.detail

    @property
    def epochs(self) -> float:
        """Of the run's config; 0 before it was started."""
        return (self.run.config.get("train") or {}).get("epochs", 0.0) if self.run else 0.0

    @property
    def epoch(self) -> float:
        """That the run has come to."""
        if self.run is None:
            return 0.0
        if self.state == DONE:
            return self.epochs
        return max((c.last("epoch") or 0.0 for c in self.run.curves), default=0.0)

    @property
    def evaluated(self) -> list[Curve]:
        """The curves of the split that is evaluated; the averaged weights' last."""
        if self.run is None:
            return []
        split = (self.run.config.get("eval") or {}).get("split")
        found = [c for c in self.run.curves if c.split == split]
        return sorted(found, key=lambda c: c.weights == "ema")

    @cached_property
    def values(self) -> list[tuple[float, float]]:
        """(epoch, metric) of each evaluation, of the averaged weights where there are both."""
        found = {}
        for curve in self.evaluated:
            for line in curve.lines:
                epoch, value = records.finite(line, "epoch"), records.finite(line, self.metric)
                if epoch is not None and value is not None:
                    found[epoch] = value
        return sorted(found.items())

    @property
    def value(self) -> float | None:
        """The last evaluation's metric."""
        return self.values[-1][1] if self.values else None

    @property
    def attempts(self) -> int:
        """How often it was started."""
        return len(self.run.attempts) if self.run else 0

    @property
    def seconds(self) -> float | None:
        """That it has worked."""
        return self.run.seconds if self.run else None


def of(trial: Trial, metric: str, now: float | None = None) -> TrialProgress:
    """A trial's progress.

    Args:
        trial: of a sweep.
        metric: such as top1.
        now: unix time; the clock's if not given.
    """
    verdicts = retry.verdicts(trial.folder)
    verdict = verdicts[-1] if verdicts else None
    if not (trial.folder / "config.json").is_file():
        return TrialProgress(trial, metric, None, verdict)
    return TrialProgress(trial, metric, runs.read(trial.folder, now), verdict)
