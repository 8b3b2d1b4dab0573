"""Early stopping: the training ends when evaluations find no better top-1 for too long."""

from collections.abc import Mapping
from pathlib import Path

from inception_jax.checkpoint import retention
from inception_jax.config import sections
from inception_jax.runtime import multihost


class EarlyStop:
    """Ends a training at the `patience`-th evaluation in a row without a better top-1; 0: never.

    A function of the evaluations' top-1 by step, which all processes know alike. From step `last`
    on, where the training ends anyway, evaluations do not count.

    Attributes:
        step: the last step of the training, once that is decided; else None.
        since_best: evaluations since the best one.
    """

    def __init__(self, patience: int, last: int, scores: Mapping[int, float]):
        self._patience, self._last = patience, last
        self.step: int | None = None
        self.since_best, self._best = 0, (0, -1.0)
        for step in sorted(scores):
            self.add(step, scores[step])

    def add(self, step: int, top1: float) -> None:
        """Adds an evaluation."""
        if self.step is not None or step >= self._last:
            return
        self.since_best += 1
        if top1 > self._best[1]:
            self.since_best, self._best = 0, (step, top1)
        if self._patience and self.since_best == self._patience:
            self.step = step

    @property
    def reason(self) -> str:
        """Why the training ended before its last epoch; empty if it did not."""
        if self.step is None:
            return ""
        step, top1 = self._best
        return (
            f"stopped early at step {self.step}: {self._patience} evaluations without a better "
            f"top-1 than the {top1:.2%} of step {step}"
        )


def resumed(workdir: Path, config: sections.Sections, last: int, start: int) -> EarlyStop:
    """That of a run which resumes after step `start`, with its evaluations up to there."""

    def read() -> list[tuple[int, float]]:
        found = retention.scores(workdir, config.eval.split)
        return [(step, top1) for step, top1 in found.items() if step <= start]

    return EarlyStop(config.train.patience, last, dict(map(tuple, multihost.decided(read))))
