"""Whether a claim holds: intervals of differences between arms, and the words for them."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from declare import Comparison, Count
from measures import find
from scipy.stats import nct, t

from inception_jax.eval import interval

REPRODUCED, NOT_VISIBLE = "reproduced", "not visible at this scale"
CONTRADICTED = "contradicted"


@dataclass(frozen=True)
class Spread:
    """The standard deviation over seeds, pooled over the arms as in an analysis of variance."""

    deviation: float
    freedom: int

    def half(self, *counts: int) -> float:
        """Half the 95% interval of a mean of `counts` values; of two counts, of a difference."""
        return float(t.ppf(0.975, self.freedom)) * self.error(*counts)

    def error(self, *counts: int) -> float:
        """The standard error of a mean, or of a difference of two."""
        return self.deviation * math.sqrt(sum(1 / n for n in counts))

    def visible(self, *counts: int, power: float = 0.8) -> float:
        """The difference that is significant in a share `power` of such experiments."""
        error, critical = self.error(*counts), float(t.ppf(0.975, self.freedom))
        low, high = 0.0, 50.0
        while high - low > 1e-6:  # the share rises with the true difference
            middle = (low + high) / 2
            found = 1 - nct.cdf(critical, self.freedom, middle)
            low, high = (middle, high) if found < power else (low, middle)
        return high * error


def spread(arms: Sequence[Sequence[float]]) -> Spread:
    """Of the values of each arm's seeds; arms whose seeds are all alike, at chance, say nothing."""
    arms = [values for values in arms if max(values) > min(values)]
    if not arms:
        return Spread(0.0, 1)
    freedom = sum(len(values) - 1 for values in arms)
    squares = sum((v - statistics.fmean(values)) ** 2 for values in arms for v in values)
    return Spread(math.sqrt(squares / freedom), freedom)


@dataclass(frozen=True)
class Found:
    """A comparison's outcome: how much better the arm is in the mean, with its 95% interval.

    `visible` is the difference that would be found in four of five such experiments; None for a
    share of few runs.
    """

    comparison: Comparison
    difference: float
    low: float
    high: float
    visible: float | None

    @property
    def word(self) -> str:
        """The verdict of this comparison.

        "Better" is reproduced if the interval is above 0 (above `at_least`, where that is
        negative: no worse) and the mean at least `at_least`, and contradicted if the interval is
        below `at_least`. "The same" is reproduced if the interval
        is inside `within`, and contradicted if it is outside. All else cannot be told apart.
        """
        low, high = self.low, self.high
        c = self.comparison
        if c.within is not None:
            if -c.within <= low and high <= c.within:
                return REPRODUCED
            return CONTRADICTED if low > c.within or high < -c.within else NOT_VISIBLE
        if low > min(c.at_least, 0) and self.difference >= c.at_least:
            return REPRODUCED
        return CONTRADICTED if high < c.at_least else NOT_VISIBLE


def compare(comparison: Comparison, values: Mapping[str, Sequence[float]]) -> Found:
    """A comparison, of the values that its measure has for the seeds of each arm.

    Student's t with the pooled deviation; of what is 0 or 1 for a run, Newcombe's interval.
    """
    measure, noise = find(comparison.measure), spread(list(values.values()))
    arms = values[comparison.arm], values[comparison.than]
    a, b = arms if measure.higher else arms[::-1]
    mean = statistics.fmean(a) - statistics.fmean(b)
    if measure.binary:
        shares = [(statistics.fmean(x), len(x)) for x in (a, b)]
        return Found(comparison, mean, *interval.difference(*shares), None)
    half = noise.half(len(a), len(b))
    return Found(comparison, mean, mean - half, mean + half, noise.visible(len(a), len(b)))


def over_images(right: np.ndarray) -> Spread:
    """The deviation over images of whether each is right, or of how much more often by one arm."""
    return Spread(float(right.std(ddof=1)), len(right) - 1)


def compare_images(comparison: Comparison, arm: np.ndarray, than: np.ndarray) -> Found:
    """A comparison of the same networks, used in two ways, by the share that is right of an image.

    The interval is for other images, with these networks; what both get right says nothing.
    """
    change = arm - than
    noise, mean = over_images(change), float(change.mean())
    half = noise.half(len(change))
    return Found(comparison, mean, mean - half, mean + half, noise.visible(len(change)))


def of_count(count: Count) -> str:
    """The verdict of a number that is counted; empty where the paper has none."""
    if count.paper is None:
        return ""
    return REPRODUCED if abs(count.ours / count.paper - 1) <= count.tolerance else CONTRADICTED


def of_all(words: Sequence[str]) -> str:
    """The verdict of a claim: reproduced if each part is, contradicted if any part is."""
    if CONTRADICTED in words:
        return CONTRADICTED
    return REPRODUCED if set(words) <= {REPRODUCED, ""} else NOT_VISIBLE
