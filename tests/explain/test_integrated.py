"""Tests `inception_jax/explain/integrated.py`: completeness, and how many gradients it takes."""

import numpy as np
import pytest

from inception_jax import explain, models
from inception_jax.explain import integrated
from tests.explain.branched import image, logits, network

pytestmark = pytest.mark.usefixtures("quick_compiler")


@pytest.mark.parametrize("tolerance", [0.01, 0.001])
def test_completeness(tolerance):
    """The attributions add up to the difference of the logits; a smaller error takes more steps."""
    model, variables = network()
    found = explain.integrated_gradients(model, variables, image(), 1, tolerance=tolerance)
    gap = float((logits(variables, image()) - logits(variables, 0 * image()))[1])
    assert found.difference == pytest.approx(gap, rel=1e-4)
    assert abs(found.attributions.sum() - gap) <= (tolerance + 1e-4) * abs(gap)
    assert found.error <= tolerance and found.attributions.shape == (16, 16, 3)
    if tolerance == 0.001:
        coarse = explain.integrated_gradients(model, variables, image(), 1, tolerance=1.0)
        assert coarse.gradients == integrated.FIRST < found.gradients


def test_most_gradients():
    """It gives up after `most` gradients and says how wrong it is."""
    model, variables = network()
    found = explain.integrated_gradients(model, variables, image(), 2, tolerance=0.0, most=32)
    assert found.gradients == 32 and 0 < found.error < 0.05


def test_both_rules_agree():
    """Halved trapezoids and Gauss-Legendre nodes find the same attributions, folded or not."""
    model, variables = network()
    baseline = image(seed=3)
    given = {"baseline": baseline}
    one = explain.integrated_gradients(model, variables, image(), 0, tolerance=1e-4, **given)
    other = explain.integrated_gradients(
        *models.fold(model, variables), image()[None], 0, nodes=200, **given
    )
    scale = np.abs(one.attributions).max()
    assert np.abs(one.attributions - other.attributions).max() < 0.02 * scale
    assert not one.attributions[image() == baseline].any()


def test_a_linear_network_takes_the_first_round_only():
    """Where the gradient is constant the first trapezoids are exact: gradient times difference."""
    line = integrated._Line.__new__(integrated._Line)
    line.places, line.slopes = np.linspace(0, 1, 5), np.full(5, 3.0)
    line.logits = 1 + 3 * line.places
    assert abs(line.misses()).max() < 1e-12 and line.error() < 1e-12
    line.logits[2] += 1  # a kink: the two intervals beside it are halved first
    assert sorted(line.middles_of_worst(2)) == [0.375, 0.625]
