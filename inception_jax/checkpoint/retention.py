"""Which steps are kept, and why."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from inception_jax.workdir import jsonl


def reasons(
    steps: Iterable[int],
    scores: Mapping[int, float],
    *,
    newest: int,
    best: int = 0,
    every: float = 0.0,
) -> dict[int, str]:
    """The reasons to keep a step, by kept step, rising.

    Args:
        steps: all saved ones.
        scores: by step, of evaluated ones; higher is better.
        newest: number of newest steps to keep, at least one.
        best: number of steps with the best score to keep; steps without a score do not count.
        every: interval in steps; the first step at or after each multiple is never deleted. 0: off.
    """
    steps = sorted(steps)
    why: dict[int, list[str]] = {step: [] for step in steps}
    for step in steps[-newest:]:
        why[step].append("newest")
    scored = sorted((s for s in steps if s in scores), key=lambda s: (scores[s], s))
    for step in scored[-best:] if best else []:
        why[step].append("best")
    last_multiple = 0
    for step in steps if every else []:
        multiple = math.floor(step / every + 1e-9)
        if multiple > last_multiple:  # the same step each time, since it is never deleted
            last_multiple = multiple
            why[step].append("interval")
    return {step: ", ".join(words) for step, words in why.items() if words}


def scores(workdir: Path, split: str, score: str = "top1") -> dict[int, float]:
    """Read the `score` of a run's evaluations on a split, by step: see `config/tasks.py`."""
    lines = jsonl.each(workdir / "metrics.jsonl", {**jsonl.METRICS, score: float})
    return {x["step"]: x[score] for x in lines if x["split"] == split}
