"""Tests `torch_names`: the tables of torch's networks have the layers of ours."""

import pytest

from inception_jax import weights
from inception_jax.weights.convert import match_layers
from inception_jax.weights.layouts import TORCH
from tests.weights.conftest import peer_network

NAMES = [name for name, peer in weights.PEERS.items() if peer.layout is TORCH]
QUICK = ("torchvision:inception_v3", "timm:xception")
PEERS = [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NAMES]


@pytest.mark.parametrize("name", PEERS)
def test_every_layer_has_a_name(name):
    """One name for every layer, and every name once."""
    peer = weights.find(name)
    pairs = match_layers(peer_network(peer), peer.names())
    keys = [peer.layout.key(layer, leaf) for unit, layer in pairs for _, leaf, _ in unit.leaves]
    assert len(keys) == len(set(keys)) > 100
    assert peer.array_names().issuperset(keys)  # what `fit` looks for
