"""Tests `inception_jax/explain/occlude.py`."""

import numpy as np
import pytest

from inception_jax import explain
from tests.explain.branched import image, logits, network

pytestmark = pytest.mark.usefixtures("quick_compiler")


def test_every_square_by_itself():
    """Each pixel has the mean fall of the logit over the squares that cover it."""
    model, variables = network()
    x, window, stride = image(), 7, 4  # the last square of a line is cut off by the border

    def logit(x):
        return float(logits(variables, x)[4])

    total, count = np.zeros((16, 16)), np.zeros((16, 16))
    for i in range(0, 13, 4):
        for j in range(0, 13, 4):
            covered = x.copy()
            covered[i : i + window, j : j + window] = 0
            total[i : i + window, j : j + window] += logit(x) - logit(covered)
            count[i : i + window, j : j + window] += 1
    heat = explain.occlusion(model, variables, x, 4, window=window, stride=stride)
    np.testing.assert_allclose(heat, total / count, rtol=1e-3, atol=1e-5)
    assert explain.occlusion(model, variables, x, 4).shape == (16, 16)


@pytest.mark.parametrize(("window", "stride"), [(4, 5), (17, 4), (4, 0)])
def test_refusals(window, stride):
    """Squares that leave pixels uncovered, or are larger than the image."""
    with pytest.raises(ValueError, match=f"stride <= window <= 16, got stride {stride}"):
        explain.occlusion(*network(), image(), 0, window=window, stride=stride)
