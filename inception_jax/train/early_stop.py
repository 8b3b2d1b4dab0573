"""Early stopping: the training ends when evaluations find no better score for too long."""

import math
from collections.abc import Mapping
from pathlib import Path

from inception_jax.checkpoint import retention
from inception_jax.config import sections, tasks
from inception_jax.runtime import multihost


class EarlyStop:
    """Ends a training at the `patience`-th evaluation in a row without a better score; 0: never.

    A function of the evaluations' `score`, a key of `tasks.METRICS`, by step, which all processes
    know alike. From step `last` on, where the training ends anyway, evaluations do not count.

    Attributes:
        step: the last step of the training, once that is decided; else None.
        since_best: evaluations since the best one.
    """

    def __init__(self, patience: int, last: int, scores: Mapping[int, float], score: str = "top1"):
        self._patience, self._last, self._metric = patience, last, tasks.METRICS[score]
        self.step: int | None = None
        self.since_best, self._best = 0, (0, -math.inf)
        for step in sorted(scores):
            self.add(step, scores[step])

    def add(self, step: int, score: float) -> None:
        """Adds an evaluation."""
        if self.step is not None or step >= self._last:
            return
        self.since_best += 1
        if score > self._best[1]:
            self.since_best, self._best = 0, (step, score)
        if self._patience and self.since_best == self._patience:
            self.step = step

    @property
    def reason(self) -> str:
        """Why the training ended before its last epoch; empty if it did not."""
        if self.step is None:
            return ""
        step, score = self._best
        return (
            f"stopped early at step {self.step}: {self._patience} evaluations without a better "
            f"{self._metric.title} than the {self._metric.text(score)} of step {step}"
        )


def resumed(workdir: Path, config: sections.Sections, last: int, start: int) -> EarlyStop:
    """That of a run which resumes after step `start`, with its evaluations up to there."""
    score = tasks.of(config.data).score

    def read() -> list[tuple[int, float]]:
        found = retention.scores(workdir, config.eval.split, score)
        return [(step, value) for step, value in found.items() if step <= start]

    return EarlyStop(config.train.patience, last, dict(map(tuple, multihost.decided(read))), score)
