"""Tests sharpness-aware minimisation: two passes, on any number of devices and microbatches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.train.sam import sharpness_aware
from inception_jax.train.state import TrainState
from tests.train.steps import close, train

SAM = {"dtype": "float64", "bn_group": 2, "colour": "slim", "dropout": 0.4, "sam": 0.1, "count": 2}


def test_the_second_gradient_is_at_the_worst_weights_near():
    """Of a quadratic, 2 (w + 0.5 g / |g|); statistics and metrics are those of the first pass."""
    params = {"w": jnp.asarray([3.0, 4.0])}

    def gradient(model, objective, state, batch, key):
        w = state.params["w"]
        return {"w": 2 * w}, ({"mean": w.sum()}, {"loss": (w * w).sum(), "key": key})

    state = TrainState(jnp.int32(0), params, {}, (), {})
    got, (stats, metrics) = sharpness_aware(gradient, 0.5)(None, None, state, {}, 7)
    np.testing.assert_allclose(got["w"], [2 * 3.3, 2 * 4.4], rtol=1e-6)
    assert (stats["mean"], metrics["loss"], metrics["key"]) == (7, 25, 7)


def test_no_gradient_is_no_division_by_zero():
    """At a minimum the weights stay."""
    same = lambda model, objective, state, batch, key: (state.params, None)  # noqa: E731
    state = TrainState(jnp.int32(0), {"w": jnp.zeros(2)}, {}, (), {})
    got, _ = sharpness_aware(same, 0.5)(None, None, state, {}, None)
    np.testing.assert_array_equal(got["w"], 0)


@pytest.fixture(scope="module")
def one_device():
    """State and losses of two steps on one device."""
    with jax.enable_x64(True):
        return train(**SAM)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"devices": 4, "accumulate": 2, "reduce_dtype": "float64", "zero": True},
     {"devices": 8, "zero": True}, {"accumulate": 4}, {"devices": 2, "recompute": "lean"}],
)  # fmt: skip
def test_every_layout_agrees(float64, one_device, options):
    """Microbatches, explicit sums and ZeRO-1 have the whole batch's neighbourhood: 1e-9."""
    state, losses = train(**SAM, **options)
    close(one_device[0], state, 1e-9)
    np.testing.assert_allclose(losses, one_device[1], rtol=1e-9)
