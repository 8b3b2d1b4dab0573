"""Tests `inception_jax/train/early_stop.py`: when a training ends before its last epoch."""

import pytest

from inception_jax.train.early_stop import EarlyStop, resumed
from inception_jax.workdir import jsonl
from tests.tiny import digits

SCORES = {2: 0.5, 4: 0.7, 6: 0.7, 8: 0.6, 10: 0.9}


@pytest.mark.parametrize(
    ("patience", "last", "step"),
    [(0, 99, None), (1, 99, 6), (2, 99, 8), (3, 99, None), (1, 6, None), (2, 9, 8)],
)
def test_it_stops_after_evaluations_without_a_better_one(patience, last, step):
    """An equal top-1 is no better one; the last evaluation of a training stops nothing."""
    early = EarlyStop(patience, last, SCORES)
    assert early.step == step
    expected = f"stopped early at step {step}: {patience} eval" if step else ""
    assert early.reason.startswith(expected) and bool(early.reason) == bool(step)
    assert step is None or "than the 70.00% of step 4" in early.reason


def test_what_comes_after_a_stop_does_not_count():
    """BatchNorm's recalibration may find a better top-1: the training has ended."""
    early = EarlyStop(1, 99, {})
    for step, top1 in SCORES.items():
        early.add(step, top1)
    assert early.step == 6 and early.since_best == 1


def test_a_resumed_run_decides_as_before(tmp_path):
    """Evaluations after the checkpoint will be repeated; other splits do not count."""
    for step, top1 in SCORES.items():
        line = {"step": step, "epoch": 1.0, "time": 1.0, "split": "test", "top1": top1}
        jsonl.append(tmp_path / "metrics.jsonl", line)
        jsonl.append(tmp_path / "metrics.jsonl", {**line, "split": "train", "top1": 1.0})
    config = digits(train__patience=2)
    assert resumed(tmp_path, config, 99, 8).step == 8
    early = resumed(tmp_path, config, 99, 7)
    assert (early.step, early.since_best) == (None, 1)
    early.add(8, 0.6)
    assert early.step == 8
