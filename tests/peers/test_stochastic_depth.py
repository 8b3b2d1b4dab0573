"""Tests stochastic depth beside timm's: the same function of a mask, and masks of the same rate."""

import contextlib

import jax
import numpy as np
import pytest

from inception_jax.models import stochastic_depth
from tests.models.test_stochastic_depth import SIGMAS, drop_path

with contextlib.suppress(ImportError):  # after TensorFlow it would crash the process
    import torch
    from timm.layers import drop as timm_drop

pytestmark = pytest.mark.peers
IMAGES, RATE = 20_000, 0.3


def images():
    """Random branches, none of whose numbers is zero."""
    return np.random.default_rng(0).uniform(1, 2, (IMAGES, 2, 2, 3)).astype(np.float32)


def test_the_same_function_of_a_mask(monkeypatch):
    """Given our mask, timm's has our numbers, to the rounding of its factor."""
    x = images()
    ours = drop_path(x, RATE)
    keep = torch.from_numpy(ours.any(axis=(1, 2, 3)))
    monkeypatch.setattr(
        torch.Tensor, "bernoulli_", lambda self, p: self.copy_(keep.view(self.shape))
    )
    theirs = timm_drop.drop_path(torch.from_numpy(x), RATE, training=True).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=3e-7)


def test_the_same_rate():
    """Both keep 1 - rate of the images, and both means over images are that of the input."""
    x, torch_rng = images(), torch.manual_seed(0)
    assert torch_rng is not None
    theirs = timm_drop.drop_path(torch.from_numpy(x), RATE, training=True).numpy()
    for y in (drop_path(x, RATE), theirs):
        keep = y.any(axis=(1, 2, 3))
        assert abs(keep.mean() - (1 - RATE)) < SIGMAS * (RATE * (1 - RATE) / IMAGES) ** 0.5
        error = x.mean() * (RATE / (1 - RATE) / IMAGES) ** 0.5
        assert abs(y.mean() - x.mean()) < SIGMAS * error


def test_the_same_rates():
    """The modules' rates are those of timm's `calculate_drop_path_rates`, where it has that."""
    calculate = getattr(timm_drop, "calculate_drop_path_rates", None)
    from inception_jax import models

    rows = models.create("inception_resnet_v2").rows()
    ours = [r for row in rows for r in stochastic_depth.rates(rows, row.name, 0.2)]
    theirs = calculate(0.2, 40) if calculate else np.linspace(0, 0.2, 40)
    np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert jax.default_backend() == "cpu"
