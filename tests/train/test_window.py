"""Tests `inception_jax/train/window.py`: means between two lines, saved with a checkpoint."""

import json

from inception_jax.train.window import Window

STEPS = [{"loss": 0.1, "top1": 0.25}, {"loss": 0.2, "top1": 0.5}, {"loss": 0.7, "top1": 0.75}]


def test_means():
    """Each metric's mean over the steps added; an empty window has none."""
    window = Window()
    assert window.means() == {}
    for metrics in STEPS[:2]:
        window.add(metrics)
    assert window.means() == {"loss": (0.1 + 0.2) / 2, "top1": 0.375}


def test_a_saved_window_continues_bit_identically():
    """Saved as JSON after any step and restored, it ends with the same means."""
    whole = Window()
    for metrics in STEPS:
        whole.add(metrics)
    for cut in range(len(STEPS) + 1):
        before = Window()
        for metrics in STEPS[:cut]:
            before.add(metrics)
        after = Window(json.loads(json.dumps(before.state())))
        for metrics in STEPS[cut:]:
            after.add(metrics)
        assert after.means() == whole.means() and after.state() == whole.state()


def test_each_metric_has_its_own_count():
    """Steps of recalibration have no gradient: its mean is over those of training."""
    window = Window()
    for metrics in ({"loss": 1.0, "grad_norm": 2.0}, {"loss": 3.0}, {"loss": 5.0}):
        window.add(metrics)
    assert window.means() == {"loss": 3.0, "grad_norm": 2.0}


def test_a_window_of_an_older_checkpoint():
    """It had one count for all metrics."""
    window = Window({"sums": {"loss": 3.0, "top1": 1.0}, "count": 2})
    window.add({"loss": 6.0, "top1": 0.5})
    assert window.means() == {"loss": 3.0, "top1": 0.5}
