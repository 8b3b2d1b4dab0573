"""Tests `report/results.py`: the interval and which evaluation is the newest."""

import numpy as np
import pytest

from inception_jax.eval.interval import wilson
from inception_jax.report.curves import Curve
from inception_jax.report.evaluations import Evaluation
from inception_jax.report.results import final, warnings


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, Table I,
        # method 3 (Wilson without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson(right: int, count: int, low: float, high: float) -> None:
    """The interval equals published values."""
    assert wilson(right / count, count) == pytest.approx((low, high), abs=5e-5)


def line(step: int, top1: float) -> dict:
    """A line of metrics.jsonl."""
    return {"step": step, "top1": top1, "count": 100}


def test_newest_evaluation_wins() -> None:
    """A later line beats an older eval file; at one step the file wins, then ema over raw."""
    raw, ema = (Curve("test", w, {}, 1, line(9, x)) for w, x in (("raw", 0.1), ("ema", 0.2)))
    empty = (), (), np.zeros((0, 3)), ()
    old = {"test": Evaluation("test", line(8, 0.3), *empty)}
    same = {"test": Evaluation("test", line(9, 0.4), *empty)}
    assert [r.top1 for r in final([ema, raw], {})] == [0.2]
    assert [r.top1 for r in final([raw, ema], old)] == [0.2]
    assert [r.top1 for r in final([raw, ema], same)] == [0.4]


@pytest.mark.parametrize(
    ("top1", "train", "says"),
    [
        (0.2, 0.6, "top-1 is 60.0% in training"),
        (0.0, 0.6, "top-1 is 60.0% in training"),
        (0.2, 0.25, "test (ema) top-1 is at chance: one of 5 classes is 20.00%"),
        (0.5, 0.6, ""),
    ],
)
def test_a_split_at_chance_is_a_warning(top1: float, train: float, says: str) -> None:
    """Chance is named, and why if training is far above it; without classes nothing is known."""
    lines = (("test", "ema", top1), ("train", None, train))
    curves = [Curve(split, weights, {}, 1, line(9, x)) for split, weights, x in lines]
    found = warnings(curves[1], final(curves, {}), 5)
    assert len(found) == bool(says) and all(text.startswith(says) for text in found)
    assert warnings(curves[1], final(curves, {}), None) == []


def test_top5_of_five_classes_says_nothing() -> None:
    """It is 100% then, and left out; of six classes it is not."""
    curves = [Curve("test", None, {}, 1, line(9, 0.3) | {"top5": 1.0})]
    assert [final(curves, {}, classes)[0].top5 for classes in (5, 6, None)] == [None, 1.0, 1.0]
