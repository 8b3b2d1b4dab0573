"""Comparison of trials: differing keys, ranking, statistics over seeds, importance of keys."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from inception_jax.config.tasks import METRICS, NUMBER, PROPORTION
from inception_jax.eval.interval import difference, student_t, wilson
from inception_jax.sweep import progress
from inception_jax.sweep.folder import Sweep
from inception_jax.sweep.progress import TrialProgress
from inception_jax.sweep.trial import DONE, PRUNED

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

T = TypeVar("T")
SEED, FOLD = "seed", "data.fold"
REPEATS = (SEED, FOLD)  # trials that differ only in these are of one group
MIN_TRIALS, MAX_TRIALS = 4, 150  # for importances, whose time grows with the trials' square
LOG_RANGE = 20.0  # largest over smallest value from which an axis is logarithmic
# Keys whose effect is that of their ratio: logarithmic from three values' range on.
RATES = ("lr", "backbone_lr", "l2", "weight_decay", "eps")
RATE_RANGE = 2.0


@dataclass(frozen=True)
class Axis:
    """A config key in which trials differ.

    Attributes:
        key: the config key.
        log: whether the axis is logarithmic.
        values: of a categorical axis the sorted values; None for a numeric axis.
    """

    key: str
    log: bool
    values: tuple[Any, ...] | None

    @property
    def name(self) -> str:
        """The key without its section."""
        return self.key.rpartition(".")[2]

    @property
    def labels(self) -> list[str] | None:
        """The values of a categorical axis as text."""
        return None if self.values is None else [str(v) for v in self.values]

    def position(self, value: Any) -> float:
        """The position of a value: itself, or the index of a categorical value."""
        return float(value) if self.values is None else self.values.index(_plain(value))


@dataclass(frozen=True)
class Group:
    """Statistics of trials that differ only in the seed or the fold.

    `interval` is the 95% confidence interval of the mean, by Student's t; of folds too narrow, as
    they share training images (Bengio and Grandvalet, 2004).
    """

    overrides: dict[str, Any]
    count: int
    mean: float
    deviation: float | None
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the mean; None of a single trial."""
        if self.deviation is None:
            return None
        half = student_t(self.count - 1) * self.deviation / math.sqrt(self.count)
        return self.mean - half, self.mean + half


class Comparison:
    """The trials of a sweep, as the report shows them."""

    def __init__(self, sweep: Sweep):
        self.sweep, self.metric = sweep, sweep.metric
        self.rows = [progress.read(t, sweep.metric) for t in sweep.trials()]

    @cached_property
    def done(self) -> list[TrialProgress]:
        """Finished trials, the best first."""
        done = [p for p in self.rows if p.state == DONE and p.value is not None]
        return sorted(done, key=lambda p: p.value or 0.0, reverse=self.sweep.higher_is_better)

    @property
    def best(self) -> TrialProgress | None:
        """The best finished trial."""
        return self.done[0] if self.done else None

    @cached_property
    def intervals(self) -> dict[int, tuple[float, float]]:
        """The 95% Wilson interval of each accuracy, by trial; it knows of images, not of seeds."""
        if METRICS[self.metric].kind != PROPORTION:
            return {}
        known = {p.trial.index: (p.value, p.count) for p in self.with_value}
        return {i: wilson(v, n) for i, (v, n) in known.items() if v is not None and n}

    @cached_property
    def tied(self) -> list[TrialProgress]:
        """Finished trials not distinguishable from the best on these images, best first.

        The 95% interval of the difference has 0 in it. Empty for a metric that is no share.
        """
        if self.best is None or self.best.trial.index not in self.intervals:
            return []
        best = self.best.value or 0.0, self.best.count or 0
        known = [p for p in self.done[1:] if p.trial.index in self.intervals]
        return [p for p in known if difference(best, (p.value or 0.0, p.count or 0))[0] <= 0]

    @property
    def is_share(self) -> bool:
        """Whether the metric is shown in percent."""
        return METRICS[self.metric].kind != NUMBER

    @property
    def ordered(self) -> list[TrialProgress]:
        """All trials: finished ones, the best first, then the others by number."""
        done = {p.trial.index for p in self.done}
        return self.done + [p for p in self.rows if p.trial.index not in done]

    @cached_property
    def axes(self) -> list[Axis]:
        """The config keys in which trials differ."""
        keys = dict.fromkeys(k for p in self.rows for k in p.trial.overrides)
        columns = {k: [p.trial.overrides.get(k) for p in self.rows] for k in keys}
        return [axis(k, v) for k, v in columns.items() if len({repr(x) for x in v}) > 1]

    @property
    def repeats(self) -> str:
        """Over what the groups' means are: `seeds`, `folds`, or both."""
        differing = {a.key for a in self.axes}
        names = {SEED: "seeds", FOLD: "folds"}
        return " and ".join(name for key, name in names.items() if key in differing)

    @cached_property
    def groups(self) -> list[Group]:
        """Finished trials grouped over seeds and folds, the best mean first; empty without any."""
        if not {a.key for a in self.axes}.intersection(REPEATS):
            return []
        by_overrides: dict[str, list[TrialProgress]] = {}
        for p in self.done:
            by_overrides.setdefault(repr(_without_repeats(p)), []).append(p)
        groups = [_group(trials) for trials in by_overrides.values()]
        return sorted(groups, key=lambda g: g.mean, reverse=self.sweep.higher_is_better)

    @cached_property
    def importances(self) -> dict[str, float]:
        """The share of the metric's variance that each key explains, in descending order (fANOVA).

        Of many trials, the `ranked` ones count. Empty with too few trials, if all values are equal,
        or without Optuna. Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing
        hyperparameter importance", 2014.
        """
        values = [p.value for p in self.ranked]
        if len(values) < MIN_TRIALS or len(set(values)) < 2 or not self.axes:
            return {}
        try:
            import optuna
            import sklearn  # noqa: F401  fANOVA's forest
        except ImportError:
            return {}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        direction = "maximize" if self.sweep.higher_is_better else "minimize"
        study = optuna.create_study(direction=direction)
        distributions = {a.key: self._distribution(a) for a in self.axes}
        for p in self.ranked:
            params = {k: _plain(p.trial.overrides.get(k)) for k in distributions}
            trial = optuna.trial.create_trial(
                params=params, distributions=distributions, value=p.value
            )
            study.add_trial(trial)
        forest = optuna.importance.FanovaImportanceEvaluator(seed=0)
        shares = optuna.importance.get_param_importances(study, evaluator=forest)
        return {key: float(share) for key, share in shares.items()}

    @property
    def ranked(self) -> list[TrialProgress]:
        """At most `MAX_TRIALS` finished trials, from the best to the last at equal distances."""
        return spread(self.done, MAX_TRIALS)

    @property
    def most_important(self) -> Axis:
        """The key with the largest importance; the seed only if no other key differs."""
        axes = {a.key: a for a in self.axes}
        names = [k for k in (*self.importances, *axes) if k not in REPEATS]
        return axes[names[0] if names else next(iter(axes))]

    def _distribution(self, axis: Axis) -> "BaseDistribution":
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        column = [_plain(p.trial.overrides.get(axis.key)) for p in self.done]
        if axis.values is not None:
            return CategoricalDistribution(tuple(dict.fromkeys(column)))
        return FloatDistribution(min(column), max(column), log=axis.log)

    @property
    def with_value(self) -> list[TrialProgress]:
        """Trials with a metric to plot: finished and pruned ones."""
        return [p for p in self.rows if p.state in (DONE, PRUNED) and p.value is not None]


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most `most` items at equal distances, the first and the last among them."""
    count = min(len(items), most)
    return [items[i * (len(items) - 1) // max(count - 1, 1)] for i in range(count)]


def axis(key: str, column: Sequence[Any]) -> Axis:
    """Choose the kind of axis for the values of a key."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in column)
    distinct = sorted({_plain(v) for v in column}, key=lambda v: v if numbers else str(v))
    if not numbers or key in REPEATS or not all(math.isfinite(v) for v in column):
        return Axis(key, False, tuple(distinct))
    least = RATE_RANGE if key.rpartition(".")[2] in RATES else LOG_RANGE
    log = distinct[0] > 0 and distinct[-1] / distinct[0] >= least
    return Axis(key, log, None)


def _plain(value: Any) -> Any:
    """A hashable value: lists become text."""
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _without_repeats(p: TrialProgress) -> dict[str, Any]:
    return {k: v for k, v in p.trial.overrides.items() if k not in REPEATS}


def _group(trials: list[TrialProgress]) -> Group:
    values = [p.value for p in trials if p.value is not None]
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Group(
        _without_repeats(trials[0]), len(values), statistics.fmean(values), deviation,
        min(values), max(values),
    )  # fmt: skip
