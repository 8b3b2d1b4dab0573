"""Results: the accuracy of a run on a split, with its confidence interval."""

import math
from dataclasses import dataclass, field, replace

from inception_jax.config.tasks import METRICS
from inception_jax.eval import top5
from inception_jax.eval.interval import at_chance, is_at_chance, wilson
from inception_jax.report import records
from inception_jax.report.curves import Curve
from inception_jax.report.evaluations import Evaluation


@dataclass(frozen=True)
class SplitResult:
    """The newest metrics of one split; None where unknown."""

    label: str
    step: int | None
    epoch: float | None
    count: int | None
    top1: float | None
    top5: float | None
    loss: float | None
    ece: float | None
    metrics: dict[str, float] = field(default_factory=dict)  # those that are known, by their keys

    @property
    def score(self) -> float:
        """The metric by which results are ordered; -infinity where there is none."""
        return next(iter(self.metrics.values()), -math.inf)

    def interval(self, fraction: float | None) -> tuple[float, float] | None:
        """The 95% Wilson interval of an accuracy, if the number of images is known."""
        if fraction is None or not self.count or not 0 <= fraction <= 1:
            return None
        return wilson(fraction, self.count)


def final(
    curves: list[Curve], evaluations: dict[str, Evaluation], classes: int | None = None
) -> list[SplitResult]:
    """One result per split: the newest of its eval file and its lines in metrics.jsonl.

    At the same step, the file is preferred, then averaged (ema) over raw weights. Top-5 is left out
    if it says nothing about so few `classes`.
    """
    candidates: dict[str, list[tuple[tuple[int, int], SplitResult]]] = {}
    for curve in curves:
        if curve.split != "train":
            rank = (curve.newest["step"], 1 if curve.weights == "ema" else 0)
            result = _result(curve.label, curve.newest)
            candidates.setdefault(curve.split, []).append((rank, result))
    for evaluation in evaluations.values():
        weights = evaluation.summary.get("weights")
        label = f"{evaluation.split} ({weights})" if weights else evaluation.split
        rank = (evaluation.step, 3 if weights == "ema" else 2)
        result = _result(label, evaluation.summary)
        candidates.setdefault(evaluation.split, []).append((rank, result))
    newest = [max(ranked, key=lambda pair: pair[0])[1] for ranked in candidates.values()]
    if classes and not top5.informative(classes):
        return [_without_top5(result) for result in newest]
    return newest


def _without_top5(result: SplitResult) -> SplitResult:
    metrics = {key: value for key, value in result.metrics.items() if key != "top5"}
    return replace(result, top5=None, metrics=metrics)


def warnings(train: Curve | None, results: list[SplitResult], classes: int | None) -> list[str]:
    """Splits that are evaluated at chance; why that may be, if training is far above it."""
    top1 = (records.finite(train.newest, "top1") if train else None) or 0.0
    found = []
    for r in results:
        if classes and r.top1 is not None and r.count and is_at_chance(r.top1, r.count, classes):
            plain = f"{r.label} top-1 is at chance: one of {classes:,} classes is {1 / classes:.2%}"
            found.append(at_chance(r.label, r.top1, r.count, top1, classes) or plain)
    return found


def _result(label: str, record: records.Record) -> SplitResult:
    numbers = {key: records.finite(record, key) for key in ("epoch", "top1", "top5", "loss", "ece")}
    step, count = records.whole(record, "step"), records.whole(record, "count")
    known = {key: records.finite(record, key) for key in METRICS if key != "loss"}
    metrics = {key: value for key, value in known.items() if value is not None}
    return SplitResult(label=label, step=step, count=count, metrics=metrics, **numbers)
