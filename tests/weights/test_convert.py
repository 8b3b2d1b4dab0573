"""Tests `inception_jax/weights`: tables of names, mismatches, both ways."""

import jax
import numpy as np
import pytest

from inception_jax import models, weights
from inception_jax.errors import ConfigError, DataError
from inception_jax.weights.convert import places
from inception_jax.weights.units import units


def network(peer, **fields):
    """The peer's network as ours, with its heads if it has any."""
    fields = {"num_classes": 10, "aux": bool(peer.head), **fields}
    return models.create(peer.model, dialect=peer.dialect, **fields)


@pytest.mark.parametrize("name", weights.PEERS)
def test_every_table_fits_its_network(name):
    """Every layer has one place, and no two arrays of ours have the same name in the peer."""
    peer = weights.find(name)
    pairs = places(network(peer), peer.names())
    keys = [peer.layout.key(place, leaf) for unit, place in pairs for _, leaf, _ in unit.leaves]
    assert len(keys) == len(set(keys)) > 100


def test_units_are_in_the_order_of_the_table():
    """Rows top to bottom, branches left to right, `block35/10` after `block35/9`, heads last."""
    paths = [u.path for u in units(models.create("inception_resnet_v2"))]
    assert paths[:2] == ["conv_1a", "conv_2a"] and paths[-1] == "aux_block17/logits"
    blocks = list(dict.fromkeys(p.split("/")[1] for p in paths if p.startswith("block35/")))
    assert blocks == [str(i) for i in range(1, 11)]
    first = [p for p in paths if p.startswith("block35/1/")]
    assert [p.split("/")[2] for p in first] == [
        "branch_0_0", "branch_1_0", "branch_1_1", "branch_2_0", "branch_2_1", "branch_2_2", "up",
    ]  # fmt: skip


def random_arrays(peer, model, seed=0):
    """Arrays as the peer would have them, from random variables of ours, and those variables."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: models.init(model))
    variables = jax.tree.map(lambda s: rng.normal(size=s.shape).astype(np.float32), shapes)
    return weights.give(model, peer.names(), peer.layout, variables), variables


@pytest.fixture(scope="module")
def googlenet():
    """(peer, narrow network, its arrays in the peer's names, its variables)."""
    peer = weights.find("torchvision:googlenet")
    model = network(peer, width=0.125)
    return peer, model, *random_arrays(peer, model)


def test_there_and_back(googlenet):
    """Giving and taking is the identity, bit for bit; torch's axes are the other way round."""
    peer, model, arrays, variables = googlenet
    again, moved = weights.take(model, peer.names(), peer.layout, arrays, peer.ignored)
    same = jax.tree.map(np.array_equal, variables, again)
    assert all(jax.tree.leaves(same)) and len(moved) == len(arrays)
    assert arrays["conv1.conv.weight"].shape == (8, 3, 7, 7)
    assert np.array_equal(arrays["fc.weight"].T, variables["params"]["logits"]["kernel"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a.pop("conv1.conv.weight"), "conv1/kernel: expected conv1.conv.weight, not in"),
        (
            lambda a: a.update({"fc.bias": np.zeros(3)}),
            r"logits/bias: expected \[10\], fc.bias has",
        ),
        (lambda a: a.update({"fc.extra": np.zeros(3)}), r"fc.extra \[3\]: in the file, nothing"),
        (lambda a: [a.pop(k) for k in list(a)[:9]], "and 6 more"),
    ],
)
def test_what_does_not_fit_is_named(googlenet, change, says):
    """Missing, surplus and misshapen arrays are refused, the first three by name."""
    peer, model, arrays, _ = googlenet
    arrays = dict(arrays)
    change(arrays)
    with pytest.raises(DataError, match=says):
        weights.take(model, peer.names(), peer.layout, arrays, peer.ignored)


def test_batch_counters_are_ignored(googlenet):
    """torch's num_batches_tracked carries nothing."""
    peer, model, arrays, _ = googlenet
    arrays = {**arrays, "conv1.bn.num_batches_tracked": np.array(3)}
    _, moved = weights.take(model, peer.names(), peer.layout, arrays, peer.ignored)
    assert len(moved) == len(arrays) - 1


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("timm/inception_v4.tf_in1k", "inception_v4"), ("keras:InceptionV3", "inception_v3"),
        ("facenet-pytorch:InceptionResnetV1", "inception_resnet_v1"),
    ],
)  # fmt: skip
def test_peers_have_several_spellings(name, model):
    """A hub's name with its tag, and the peers' own class names."""
    assert weights.find(name).model == model


def test_an_unknown_peer_lists_the_known():
    """A wrong name is refused with the nearest one."""
    with pytest.raises(ConfigError, match="did you mean 'timm:inception_v4'"):
        weights.find("timm:inception_v5")
