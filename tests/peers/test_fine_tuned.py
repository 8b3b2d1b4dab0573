"""Tests the import of a network that somebody has fine-tuned, with ImageNet's real weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from inception_jax import models
from inception_jax.models import preprocess

pytestmark = pytest.mark.peers


def test_keras_outputs_on_its_own_photographs(peer_files):
    """Trunk and dense layers, read out of the wheel, give Keras' features and logits to 1e-4."""
    network = models.load("keras:xception", file=peer_files / "kitchenware.whl")
    with np.load(peer_files / "kitchenware.npz") as found:
        keras = dict(found)
    x = preprocess.as_input(keras["images"], network.model)
    features = network.model.apply(network.variables, x, endpoints=True).endpoints["pool"]
    assert_allclose(features, keras["features"], atol=1e-4)
    hidden = np.maximum(features @ keras["dense/kernel"] + keras["dense/bias"], 0)
    logits = hidden @ keras["dense_1/kernel"] + keras["dense_1/bias"]
    assert_allclose(logits, keras["logits"], atol=1e-4)
    assert np.abs(keras["logits"]).max() > 5  # trained, so certain
