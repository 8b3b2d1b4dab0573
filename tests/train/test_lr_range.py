"""Tests the learning rate range test: the ramp, the smoothing, and the suggestion."""

import math

import numpy as np
import pytest

from inception_jax.errors import ConfigError, DivergedError
from inception_jax.train import lr_range
from inception_jax.train.optim import schedule
from tests.tiny import digits


def test_the_rate_rises_exponentially():
    """From the first to the last step, whatever the page's schedule; the page is unchanged."""
    page = digits(optim__warmup_epochs=0.5, ema__decay=0.99)
    c = lr_range.ramp(page, 1437, 50, 1e-4, 10.0)
    rate = schedule(c.optim, epochs=c.train.epochs, steps_per_epoch=1437 / c.data.batch_size)
    rates = [float(rate(step)) for step in range(50)]
    np.testing.assert_allclose(rates, np.geomspace(1e-4, 10.0, 50), rtol=1e-4)
    assert (c.ema.decay, page.ema.decay, page.optim.schedule) == (0.0, 0.99, "cosine")
    assert math.ceil(c.train.epochs * 1437 / c.data.batch_size - 1e-9) == 50


def curve(losses):
    """The steps of a test with these losses, at rates of 1e-5 to 1."""
    return list(lr_range.smoothed(zip(np.geomspace(1e-5, 1.0, len(losses)), losses, strict=True)))


def valley(step: float) -> float:
    """A loss that falls fastest at step 40, is lowest at 60, and rises without bound."""
    return 2 - np.tanh((step - 40) / 8) + math.exp((step - 75) / 5)


def test_the_suggestion_lies_where_the_loss_falls():
    """The steepest rate and the lowest one are those of the losses: the mean does not lag."""
    steps = curve([valley(step) for step in range(100)])
    found = lr_range.result(steps, 100)
    rates = np.geomspace(1e-5, 1.0, 100)
    assert rates[37] < found.steepest < rates[43] and rates[52] < found.lowest < rates[63]
    assert found.steepest * 0.95 <= found.suggested <= found.lowest
    assert found.diverged and len(steps) < 100


def test_the_average_is_that_of_the_losses_so_far():
    """It starts at the first loss, and follows a constant exactly; it ends at one not finite."""
    assert [step.smoothed for step in curve([3.0] * 5)] == pytest.approx([3.0] * 5)
    assert len(curve([3.0, 2.0, math.nan, 1.0])) == 3


@pytest.mark.parametrize(
    ("losses", "error", "says"),
    [([2.0] * 5 + [math.inf], DivergedError, "smaller --low"),
     ([2.0 + step / 100 for step in range(50)], ConfigError, "larger --high")],
)  # fmt: skip
def test_no_suggestion(losses, error, says):
    """Losses that are not finite at once, or never fall, say what to change."""
    with pytest.raises(error, match=says):
        lr_range.result(curve(losses), len(losses))


@pytest.mark.slow
def test_losses_of_a_config(quick_compiler, promotion):
    """The steps of the page's own training, at the rates of the ramp."""
    found = list(lr_range.losses(digits(optim__name="adam", optim__eps=1e-8,
                                        optim__nesterov=False), 6, 1e-5, 1e-2))  # fmt: skip
    rates, losses = zip(*found, strict=True)
    np.testing.assert_allclose(rates, np.geomspace(1e-5, 1e-2, 6), rtol=1e-4)
    assert all(1.5 < loss < 4 for loss in losses) and len(set(losses)) == 6
