"""Tests `layouts`: names of leaves and transpositions of kernels."""

import numpy as np
import pytest

from inception_jax.weights.layouts import KERAS, SLIM, TORCH, LayerNames


@pytest.mark.parametrize(
    ("layout", "layer", "leaf", "name"),
    [(TORCH, LayerNames("a.conv", "a.bn"), "kernel", "a.conv.weight"),
     (TORCH, LayerNames("a.conv", "a.bn"), "bn/var", "a.bn.running_var"),
     (TORCH, LayerNames("bn", kind="norm"), "scale", "bn.weight"),
     (SLIM, LayerNames("a", "a/BatchNorm", "depthwise"), "kernel", "a/depthwise_weights"),
     (SLIM, LayerNames("a", "a/BatchNorm"), "bn/bias", "a/BatchNorm/beta"),
     (KERAS, LayerNames("c", "b", "pointwise"), "kernel", "c/pointwise_kernel")],
)  # fmt: skip
def test_names_of_leaves(layout, layer, leaf, name):
    """A BatchNorm's leaves have its own prefix; kinds of layers have their own kernels."""
    assert layout.key(layer, leaf) == name


@pytest.mark.parametrize("shape", [(3, 5, 7, 11), (7, 11), (11,)])
def test_torch_kernels(shape):
    """[h, w, in, out] is [out, in, h, w] in torch, [in, out] is [out, in]; and back."""
    value = np.random.default_rng(0).normal(size=shape)
    theirs = TORCH.to_peer("conv", value)
    assert theirs.shape == {4: (11, 7, 3, 5), 2: (11, 7), 1: (11,)}[len(shape)]
    assert np.array_equal(TORCH.from_peer("conv", shape, theirs), value)


def test_tensorflow_kernels():
    """Depthwise kernels [h, w, c, m] are [h, w, 1, c * m]; a 1x1 convolution may be dense."""
    assert SLIM.from_peer("depthwise", (3, 3, 1, 8), np.zeros((3, 3, 4, 2))).shape == (3, 3, 1, 8)
    assert SLIM.from_peer("flat", (4, 2), np.zeros((1, 1, 4, 2))).shape == (4, 2)
    assert SLIM.from_peer("flat", (4, 3), np.zeros((1, 1, 4, 2))).shape == (1, 1, 4, 2)
    assert SLIM.to_peer is None
