"""Tests `inception_jax/train/accumulation.py`: the mean over microbatches is the batch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.train.accumulation import mean_over, microbatches
from tests.train.steps import close, train

WHOLE_BATCH = {"dtype": "float64", "bn_group": 2, "colour": "slim", "dropout": 0.4}


@pytest.fixture(scope="module")
def whole_batch():
    """State and losses of three steps without microbatches."""
    with jax.enable_x64(True):
        return train(**WHOLE_BATCH)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accumulate", "devices", "more"),
    [(4, 2, {"reduce_dtype": "float64"}), (2, 4, {}), (2, 1, {}), (4, 1, {}), (4, 2, {}),
     (4, 2, {"recompute": "lean"}), (2, 4, {"reduce_dtype": "float64", "zero": True})],
)  # fmt: skip
def test_accumulation_equals_the_whole_batch(float64, whole_batch, accumulate, devices, more):
    """Gradients, BatchNorm's averages, dropout and colours are the whole batch's, to 1e-9."""
    state, losses = train(devices=devices, accumulate=accumulate, **WHOLE_BATCH, **more)
    close(whole_batch[0], state, 1e-9)
    np.testing.assert_allclose(losses, whole_batch[1], rtol=1e-9)


@pytest.mark.slow
def test_fifty_accumulated_steps_on_any_number_of_devices(optimised, float64):
    """The losses of 50 steps agree with two microbatches on 1 and 8 devices, and without."""
    options = {"count": 50, "images": 32, "lr": 0.003, **WHOLE_BATCH}
    first = train(**options)[1]
    for devices in (1, 8):
        losses = train(devices=devices, accumulate=2, **options)[1]
        np.testing.assert_allclose(losses, first, rtol=1e-9)


def test_microbatches_take_a_part_of_every_device():
    """12 images of 2 devices in 3 microbatches: each has two neighbours of either device."""
    parts = microbatches({"label": jnp.arange(12)}, count=3, num_shards=2)["label"]
    assert parts.tolist() == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]


def test_mean_over_the_leading_axis():
    """Means of a tree, of each part."""
    parts = jnp.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]])
    result = mean_over(lambda part: {"sum": part.sum(), "last": part[1]}, parts, 3)
    assert result == {"sum": 8.0, "last": 5.0}
