"""Tests `inception_jax/data/statistics.py`: exact sums, six digits, what is constant."""

import numpy as np
import pytest

from inception_jax.data import statistics
from inception_jax.data.sources.folder import Folder


def of(images):
    found = statistics.ChannelStatistics()
    for image in images:
        found.add(statistics.sums(image))
    return found


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_all_pixels_count_equally(dtype, monkeypatch):
    """Images of different sizes; in blocks as at once."""
    rng = np.random.default_rng(0)
    images = [(rng.random((5 + i, 7, 4)) * 60_000).astype(dtype) for i in range(3)]
    flat = np.concatenate([x.reshape(-1, 4) for x in images]).astype(np.float64)
    monkeypatch.setattr(statistics, "BLOCK", 16)
    found = of(images)
    np.testing.assert_allclose(found.mean(), flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.std(), flat.std(axis=0), rtol=1e-5)
    assert all(x == float(f"{x:.6g}") for x in (*found.mean(), *found.std()))


def test_whole_numbers_are_summed_exactly():
    """A deviation far below the mean, of numbers whose squares exceed float64's digits in sum."""
    image = np.full((1000, 1000, 1), 65_535, np.uint16)
    image[0, 0] = 65_534
    found = of([image] * 3)
    assert found.mean() == (65535.0,) and found.std() == pytest.approx((9.999995e-4,), rel=2e-6)


def test_a_constant_channel_has_the_deviation_one():
    """So that it is 0, not NaN, in the network's input."""
    assert of([np.full((2, 2, 2), 9, np.uint8)]).std() == (1.0, 1.0)


def test_which_runs_compute_their_own():
    """Those on other images than RGB of 8 bits, without a mean."""
    from tests.tiny import digits

    assert not statistics.needed(digits())
    assert statistics.needed(digits(data__channels=1))
    assert statistics.needed(digits(data__dtype="float32"))
    assert not statistics.needed(digits(data__channels=1, model__mean=(1.0,)))


@pytest.mark.slow
def test_cifars_published_values(real_data):
    """Of a sample: near 125.3, 123.0, 113.9 and 63.0, 62.1, 66.7."""
    found = statistics.measured(Folder(real_data / "cifar10", "train"), threads=2)
    np.testing.assert_allclose(found.mean(), (125.3, 123.0, 113.9), rtol=0.05)
    np.testing.assert_allclose(found.std(), (63.0, 62.1, 66.7), rtol=0.05)
