"""Which steps are kept, and why."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from inception_jax.workdir import jsonl


@dataclasses.dataclass(frozen=True)
class Keeping:
    """The rule: a step is kept for any of three reasons.

    Attributes:
        newest: so many of the newest, at least one.
        best: so many of the best top-1; steps without one are not among them.
        every: the first step at or after each multiple of so many steps, for ever; 0: none.
    """

    newest: int
    best: int = 0
    every: float = 0.0

    def reasons(self, steps: Iterable[int], scores: Mapping[int, float]) -> dict[int, str]:
        """Why each step that is kept is, rising.

        Args:
            steps: those that there are.
            scores: top-1 by step, of those that have been evaluated.
        """
        steps = sorted(steps)
        why: dict[int, list[str]] = {step: [] for step in steps}
        for step in steps[-self.newest :]:
            why[step].append("newest")
        known = sorted((s for s in steps if s in scores), key=lambda s: (scores[s], s))
        for step in known[-self.best :] if self.best else []:
            why[step].append("best")
        seen = 0
        for step in steps if self.every else []:
            multiple = math.floor(step / self.every + 1e-9)
            if multiple > seen:  # stays the first one, for it is never deleted
                seen = multiple
                why[step].append("interval")
        return {step: ", ".join(words) for step, words in why.items() if words}


def scores(workdir: Path, split: str) -> dict[int, float]:
    """Top-1 by step, of a run's evaluations on a split so far."""
    path = workdir / "metrics.jsonl"
    lines = jsonl.read(path) if path.exists() else []
    return {x["step"]: x["top1"] for x in lines if x.get("split") == split and "top1" in x}
