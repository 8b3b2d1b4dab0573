"""Tests `inception_jax/eval/regressed.py`: scikit-learn's values in the targets' own units."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from inception_jax.eval.regressed import Regressed
from inception_jax.train import losses
from inception_jax.workdir.target_scale import TargetScale

SCALE = TargetScale(np.array([1.6e9, -2.0]), np.array([1e4, 0.5]))


def split(count=97):
    """Targets in their units, and a network's standardised outputs near them."""
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(count, 2)).astype(np.float32)
    true = SCALE.original(outputs + rng.normal(scale=0.3, size=(count, 2)))
    return true, outputs


def measured(order, size, name="squared_error"):
    """The measure of the images, added in an order and in batches."""
    true, outputs = split()
    measure = Regressed(SCALE, SimpleNamespace(name=name, delta=0.4))
    for at in range(0, len(order), size):
        rows = order[at : at + size]
        measure.add(rows, true[rows], outputs[rows])
    return measure


def test_metrics_are_sklearns():
    """R2, RMSE and MAE, means over the targets and of each, to 1e-9."""
    true, outputs = split()
    predicted, found = SCALE.original(outputs), measured(np.arange(97), 10)
    numbers = found.compute()
    assert abs(numbers["r2"] / metrics.r2_score(true, predicted) - 1) < 1e-9
    root = metrics.root_mean_squared_error(true, predicted)
    assert abs(numbers["rmse"] / root - 1) < 1e-9
    assert abs(numbers["mae"] / metrics.mean_absolute_error(true, predicted) - 1) < 1e-9
    details = found.details(["time", "depth"])
    mae, _, r2, mean, std = details["table"]["rows"][1]
    assert abs(mae / metrics.mean_absolute_error(true[:, 1], predicted[:, 1]) - 1) < 1e-9
    assert abs(r2 / metrics.r2_score(true[:, 1], predicted[:, 1]) - 1) < 1e-9
    assert np.allclose([mean, std], [true[:, 1].mean(), true[:, 1].std()], rtol=1e-12)
    assert details["scatter"][0]["points"][3] == [true[3, 0], predicted[3, 0]]


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber"])
def test_the_loss_is_that_of_training(name):
    """The loss of standardised targets, as `train/losses.py` has it."""
    true, outputs = split()
    options = {"delta": 0.4} if name == "huber" else {}
    targets = jnp.asarray(SCALE.standardised(true), jnp.float32)
    expected = getattr(losses, name)(jnp.asarray(outputs), targets, **options).mean()
    assert abs(measured(np.arange(97), 97, name).compute()["loss"] - float(expected)) < 1e-5


def test_results_depend_on_no_order_and_no_batches():
    """Bit-identical for images in another order; the worst are the same."""
    order = np.random.default_rng(1).permutation(97)
    whole, other = measured(np.arange(97), 97), measured(order, 8)
    assert whole.compute() == other.compute() and whole.worst == other.worst
    assert whole.worst[0].confidence == max(m.confidence for m in whole.worst)


def test_targets_that_do_not_vary_have_no_r2():
    """One value in all: R2 is left out, the errors are not."""
    scale = TargetScale(np.zeros(1), np.ones(1))
    measure = Regressed(scale, SimpleNamespace(name="huber", delta=1))
    measure.add(np.arange(3), np.full((3, 1), 2.0), np.ones((3, 1), np.float32))
    assert measure.compute() == {"count": 3, "loss": 0.5, "rmse": 1.0, "mae": 1.0}
    assert measure.details(["x"])["table"]["rows"][0][2] is None
