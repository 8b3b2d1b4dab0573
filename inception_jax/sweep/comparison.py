"""Trials side by side: the keys in which they differ, who is best, what seeds say, what matters."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inception_jax.sweep import progress
from inception_jax.sweep.folder import Sweep
from inception_jax.sweep.progress import TrialProgress
from inception_jax.sweep.trial import DONE, PRUNED

SEED = "seed"
FEW = 4  # trials, below which nothing can be said of what matters
WIDE = 20.0  # the largest over the smallest, from which an axis is logarithmic


@dataclass(frozen=True)
class Axis:
    """A key that trials differ in.

    Attributes:
        key: of the config.
        log: whether a logarithmic axis shows it better.
        values: its values, sorted, if they are to be told apart rather than measured; else None.
    """

    key: str
    log: bool
    values: tuple[Any, ...] | None

    @property
    def name(self) -> str:
        """The key without its section, where a person has the section in mind."""
        return self.key.rpartition(".")[2]


@dataclass(frozen=True)
class Group:
    """Trials that differ in their seed alone: how many, their mean and standard deviation."""

    overrides: dict[str, Any]
    count: int
    mean: float
    deviation: float | None
    low: float
    high: float


class Comparison:
    """A sweep's trials, as the report shows them.

    Args:
        sweep: that was launched.
        now: unix time; the clock's if not given.
    """

    def __init__(self, sweep: Sweep, now: float | None = None):
        self.sweep, self.metric = sweep, sweep.metric
        self.rows = [progress.of(t, sweep.metric, now) for t in sweep.trials()]

    @property
    def higher(self) -> bool:
        """Whether more of the metric is better."""
        return self.metric != "loss"

    @cached_property
    def done(self) -> list[TrialProgress]:
        """Trials with a final value, the best first."""
        found = [p for p in self.rows if p.state == DONE and p.value is not None]
        return sorted(found, key=lambda p: p.value or 0.0, reverse=self.higher)

    @property
    def best(self) -> TrialProgress | None:
        """The best trial that is done."""
        return self.done[0] if self.done else None

    @property
    def ordered(self) -> list[TrialProgress]:
        """All trials: those that are done, the best first, then the others by number."""
        rest = {p.trial.index for p in self.done}
        return self.done + [p for p in self.rows if p.trial.index not in rest]

    @cached_property
    def axes(self) -> list[Axis]:
        """The keys in which trials differ."""
        keys = dict.fromkeys(k for p in self.rows for k in p.trial.overrides)
        columns = {k: [p.trial.overrides.get(k) for p in self.rows] for k in keys}
        return [axis(k, v) for k, v in columns.items() if len({repr(x) for x in v}) > 1]

    @cached_property
    def groups(self) -> list[Group]:
        """Trials that are done, by all but their seed, the best mean first; empty without seeds."""
        if SEED not in (a.key for a in self.axes):
            return []
        found: dict[str, list[TrialProgress]] = {}
        for p in self.done:
            rest = {k: v for k, v in p.trial.overrides.items() if k != SEED}
            found.setdefault(repr(rest), []).append(p)
        made = [_group(ps) for ps in found.values()]
        return sorted(made, key=lambda g: g.mean, reverse=self.higher)

    @cached_property
    def importances(self) -> dict[str, float]:
        """How much of the metric's variance each key explains, the most first (fANOVA).

        Empty with too few trials to say, where all are equal, or without Optuna. Hutter, Hoos and
        Leyton-Brown, "An efficient approach for assessing hyperparameter importance", 2014.
        """
        values = [p.value for p in self.done]
        if len(values) < FEW or len(set(values)) < 2 or not self.axes:
            return {}
        try:
            import optuna
            import sklearn  # noqa: F401  fANOVA's forest
        except ImportError:
            return {}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(direction="maximize" if self.higher else "minimize")
        shapes = {a.key: self._distribution(optuna.distributions, a) for a in self.axes}
        for p in self.done:
            given = {k: _plain(p.trial.overrides.get(k)) for k in shapes}
            study.add_trial(
                optuna.trial.create_trial(params=given, distributions=shapes, value=p.value)
            )
        forest = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(study, evaluator=forest)
        return {key: float(share) for key, share in found.items()}

    @property
    def foremost(self) -> Axis:
        """The key that mattered most; not the seed, which is no choice, where there is another."""
        found = {a.key: a for a in self.axes}
        names = [k for k in (*self.importances, *found) if k != SEED]
        return found[names[0] if names else SEED]

    def _distribution(self, kinds: Any, axis: Axis) -> Any:
        column = [_plain(p.trial.overrides.get(axis.key)) for p in self.done]
        if axis.values is not None:
            return kinds.CategoricalDistribution(tuple(dict.fromkeys(column)))
        return kinds.FloatDistribution(min(column), max(column), log=axis.log)

    @property
    def drawn(self) -> list[TrialProgress]:
        """Trials with a value to draw: those that are done, and those that were stopped early."""
        return [p for p in self.rows if p.state in (DONE, PRUNED) and p.value is not None]


def axis(key: str, column: Sequence[Any]) -> Axis:
    """What kind of axis the values of a key make."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in column)
    different = sorted({_plain(v) for v in column}, key=lambda v: v if numbers else str(v))
    if not numbers or key == SEED or not all(math.isfinite(v) for v in column):
        return Axis(key, False, tuple(different))
    log = different[0] > 0 and different[-1] / different[0] >= WIDE
    return Axis(key, log, None)


def _plain(value: Any) -> Any:
    """A value that can be told apart and compared: lists as text."""
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _group(trials: list[TrialProgress]) -> Group:
    values = [p.value for p in trials if p.value is not None]
    rest = {k: v for k, v in trials[0].trial.overrides.items() if k != SEED}
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Group(rest, len(values), statistics.fmean(values), spread, min(values), max(values))
