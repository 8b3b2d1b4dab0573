"""Tests `peers`: spellings, and networks created from a file's arrays."""

import numpy as np
import pytest

from inception_jax import weights
from inception_jax.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("timm/inception_v4.tf_in1k", "inception_v4"), ("keras:InceptionV3", "inception_v3"),
        ("facenet-pytorch:InceptionResnetV1", "inception_resnet_v1"),
    ],
)  # fmt: skip
def test_spellings(name, model):
    """A hub's name with its tag, and the peers' own class names."""
    assert weights.find(name).model == model


def test_an_unknown_peer_is_refused():
    """The message has the nearest name."""
    with pytest.raises(ConfigError, match="did you mean 'timm:inception_v4'"):
        weights.find("timm:inception_v5")


def test_a_network_is_created_from_a_file():
    """Its outputs are counted; it has auxiliary heads if the file has."""
    peer = weights.find("torchvision:inception_v3")
    head = "AuxLogits.conv0.conv.weight"
    model = peer.create({"fc.bias": np.zeros(12), head: np.zeros(1)})
    assert (model.num_classes, model.aux, model.dialect) == (12, True, "torchvision")
    assert not peer.create({"fc.bias": np.zeros(12)}).aux
    assert peer.create({}).num_classes == 0  # features only
