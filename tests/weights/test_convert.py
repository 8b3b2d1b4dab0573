"""Tests `convert`: arrays to a peer's names and back, and mismatches."""

import jax
import numpy as np
import pytest

from inception_jax import models, weights
from inception_jax.errors import DataError
from tests.weights.conftest import peer_network


@pytest.fixture(scope="module")
def googlenet():
    """(peer, narrow network, random arrays in the peer's names, our variables)."""
    peer = weights.find("torchvision:googlenet")
    model = peer_network(peer, width=0.125)
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: models.init(model))
    variables = jax.tree.map(lambda s: rng.normal(size=s.shape).astype(np.float32), shapes)
    return peer, model, weights.export_arrays(model, peer, variables), variables


def test_export_and_import(googlenet):
    """Together they are the identity, bit for bit; torch's axes are in another order."""
    peer, model, arrays, variables = googlenet
    again, imported = weights.import_arrays(model, peer, arrays)
    same = jax.tree.map(np.array_equal, variables, again)
    assert all(jax.tree.leaves(same)) and len(imported) == len(arrays)
    assert arrays["conv1.conv.weight"].shape == (8, 3, 7, 7)
    assert np.array_equal(arrays["fc.weight"].T, variables["params"]["logits"]["kernel"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("conv1.conv.weight"), "conv1/kernel: expected conv1.conv.weight, not in"),
        (
            lambda a: a.update({"fc.bias": np.zeros(3)}),
            r"logits/bias: expected \[10\], fc.bias has",
        ),
        (lambda a: a.update({"fc.extra": np.zeros(3)}), r"fc.extra \[3\]: in the file, not in the"),
        (lambda a: [a.pop(k) for k in list(a)[:9]], "and 6 more"),
    ],
)
def test_mismatches(googlenet, change, message):
    """Missing, surplus and misshapen arrays are refused, the first three by name."""
    peer, model, arrays, _ = googlenet
    arrays = dict(arrays)
    change(arrays)
    with pytest.raises(DataError, match=message):
        weights.import_arrays(model, peer, arrays)


def test_batch_counters_are_ignored(googlenet):
    """torch's num_batches_tracked is not a weight."""
    peer, model, arrays, _ = googlenet
    arrays = {**arrays, "conv1.bn.num_batches_tracked": np.array(3)}
    _, imported = weights.import_arrays(model, peer, arrays)
    assert len(imported) == len(arrays) - 1


def test_tensorflow_layouts_cannot_be_exported(googlenet):
    """No file is written for slim."""
    _, model, _, variables = googlenet
    with pytest.raises(ValueError, match="torch's names"):
        weights.export_arrays(model, weights.find("slim:inception_v1"), variables)
