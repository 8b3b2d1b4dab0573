"""Tests `inception_jax/explain/faithful.py`: insertion and deletion."""

import numpy as np
import pytest

from inception_jax import explain
from inception_jax.explain import faithful
from tests.explain.branched import image, logits, network

pytestmark = pytest.mark.usefixtures("quick_compiler")


def probability(x):
    """That of class 2."""
    p = np.exp(logits(network()[1], x))
    return float(p[2] / p.sum())


def test_the_ends_of_the_curves():
    """From the blurred image to the image, and from the image to zeros."""
    x, heat = image(), np.arange(256.0).reshape(16, 16)
    found = explain.insertion_and_deletion(*network(), x, 2, heat, steps=4)
    for curve, start, end in (
        (found.insertion, faithful.blurred(x), x),
        (found.deletion, x, 0 * x),
    ):
        np.testing.assert_allclose(curve.shares, [0, 0.25, 0.5, 0.75, 1])
        got = curve.probabilities[[0, -1]]
        np.testing.assert_allclose(got, [probability(start), probability(end)], rtol=1e-4)


def test_the_hottest_first():
    """After a quarter of the steps a quarter of the pixels, the hottest, have changed."""
    x, heat = image(), np.arange(256.0).reshape(16, 16)
    found = explain.insertion_and_deletion(*network(), x, 2, heat, steps=4)
    changed = x.copy()
    changed[12:] = 0
    assert found.deletion.probabilities[1] == pytest.approx(probability(changed), rel=1e-4)
    changed = faithful.blurred(x)
    changed[12:] = x[12:]
    assert found.insertion.probabilities[1] == pytest.approx(probability(changed), rel=1e-4)


def test_equally_hot_pixels():
    """They change in an order that the seed alone gives; a small map is enlarged."""
    runs = [
        explain.insertion_and_deletion(*network(), image(), 2, np.ones((4, 4)), steps=4, seed=s)
        for s in (0, 0, 1)
    ]
    first, again, other = (r.deletion.probabilities for r in runs)
    assert (first == again).all() and (first != other).any()


def test_area_and_random_maps():
    """The area is that of the trapezoids; a random map depends on its seed alone."""
    curve = explain.PixelCurve(np.array([0, 0.5, 1]), np.array([1.0, 0.5, 0.0]))
    assert curve.area == pytest.approx(0.5)
    one, again, other = (explain.random_heat(32, seed) for seed in (0, 0, 1))
    assert one.shape == (32, 32) and (one == again).all() and (one != other).any()
