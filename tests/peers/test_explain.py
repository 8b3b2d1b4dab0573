"""Tests that explanations equal pytorch-grad-cam's and Captum's on the same weights: 1e-4."""

import jax
import numpy as np
import pytest

from inception_jax import explain
from tests.peers.test_parity import load, relative
from tests.tiny import double

pytestmark = [pytest.mark.peers, pytest.mark.slow]
NAME = "torchvision-inception_v3"


@pytest.fixture
def explained(peer_files, float64):
    """(network, its variables, the image, the class) in double precision, and the peers' maps."""
    model, variables, _ = load(peer_files, NAME)
    want = dict(np.load(peer_files / f"{NAME}.explain.npz"))
    given = model.clone(dtype="float64"), jax.tree.map(np.asarray, double(variables))
    return (*given, want["images"], int(want["target"])), want


def shown(heat, size):
    """A map as pytorch-grad-cam returns it: scaled to [0, 1], enlarged, scaled again."""
    for enlarged in (False, True):
        heat = explain.upsampled(heat, size) if enlarged else heat
        heat = heat - heat.min()
        heat = heat / (1e-7 + heat.max())
    return heat


@pytest.mark.parametrize("row", ["mixed_6e", "mixed_7c"])
@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus"])
def test_class_activation_maps(explained, method, row):
    """Grad-CAM and Grad-CAM++ at the last grid and in the middle."""
    given, want = explained
    heat = shown(getattr(explain, method)(*given, row), given[2].shape[1])
    assert want[f"{method}/{row}"].std() > 0.05
    assert relative(heat, want[f"{method}/{row}"]) < 1e-4


def test_integrated_gradients(explained):
    """Captum's default rule, with 8 Gauss-Legendre nodes."""
    given, want = explained
    found = explain.integrated_gradients(*given, nodes=8)
    assert relative(found.attributions, want["integrated_gradients"]) < 1e-4


def test_occlusion(explained):
    """Squares of 120 pixels, 100 apart, the last of a line cut off; Captum repeats the colours."""
    given, want = explained
    heat = explain.occlusion(*given, window=120, stride=100)
    assert relative(heat, want["occlusion"][..., 0]) < 1e-4
