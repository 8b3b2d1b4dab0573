"""The peers whose weights are imported and exported: network, dialect, names and axes of each."""

from collections.abc import Callable
from dataclasses import dataclass

from inception_jax import models
from inception_jax.errors import ConfigError
from inception_jax.models import Network
from inception_jax.models.names import known
from inception_jax.weights import tf_names, torch_names
from inception_jax.weights.formats import Arrays
from inception_jax.weights.layouts import KERAS, NOTHING, SLIM, TORCH, Layout, Names


@dataclass(frozen=True)
class Peer:
    """One network of one peer.

    Attributes:
        model: our name of the network.
        dialect: of ours that computes the same function.
        names: returns its table of names.
        layout: its axes and names of leaves.
        head: row of an auxiliary head; a file that has its kernel has all auxiliary heads.
        ignored: regular expression of more names that are not weights than the layout's.
    """

    model: str
    dialect: str
    names: Callable[[], Names]
    layout: Layout
    head: str = ""
    ignored: str = NOTHING

    def array_names(self) -> set[str]:
        """Every name that an array of the network may have in the peer's files."""
        layers = [layer for row in self.names().values() for layer in row]
        return set().union(*map(self.layout.keys, layers))

    def create(self, arrays: Arrays) -> Network:
        """Creates the network of a file, with its number of outputs and its auxiliary heads."""
        names = self.names()
        key = self.layout.key(names["logits"][0], "bias")
        outputs = arrays[key].shape[0] if key in arrays else 0
        aux = bool(self.head) and self.layout.key(names[self.head][0], "kernel") in arrays
        return models.create(self.model, dialect=self.dialect, num_classes=outputs, aux=aux)


t, f = torch_names, tf_names
PEERS = {
    "torchvision:googlenet": Peer(
        "googlenet", "torchvision", t.googlenet, TORCH, "aux_inception_4a"
    ),
    "torchvision:inception_v3": Peer(
        "inception_v3", "torchvision", t.inception_v3, TORCH, "aux_mixed_6e"
    ),
    "timm:inception_v3": Peer("inception_v3", "timm", t.inception_v3, TORCH, "aux_mixed_6e"),
    "timm:inception_v4": Peer("inception_v4", "timm", t.inception_v4, TORCH),
    "timm:inception_resnet_v2": Peer("inception_resnet_v2", "timm", t.inception_resnet_v2, TORCH),
    "timm:xception": Peer("xception", "timm", t.xception, TORCH),
    "cadene:bninception": Peer("bn_inception", "cadene", t.bn_inception, TORCH),
    "facenet-pytorch:inception_resnet_v1": Peer(
        "inception_resnet_v1", "facenet", t.inception_resnet_v1, TORCH
    ),
    "pytorch-fid:inception_v3": Peer(
        "inception_v3", "fid", t.inception_v3, TORCH, ignored="^AuxLogits"
    ),
    "keras:inception_v3": Peer("inception_v3", "keras", f.keras_inception_v3, KERAS),
    "keras:inception_resnet_v2": Peer(
        "inception_resnet_v2", "keras", f.keras_inception_resnet_v2, KERAS
    ),
    "keras:xception": Peer("xception", "keras", f.keras_xception, KERAS),
    "slim:inception_v1": Peer("googlenet", "slim", f.inception_v1, SLIM),
    "slim:inception_v2": Peer("bn_inception", "slim", f.inception_v2, SLIM),
    "slim:inception_v3": Peer("inception_v3", "slim", f.inception_v3, SLIM, "aux_mixed_6e"),
    "slim:inception_v4": Peer("inception_v4", "slim", f.inception_v4, SLIM, "aux_mixed_6h"),
    "slim:inception_resnet_v2": Peer(
        "inception_resnet_v2", "slim", f.inception_resnet_v2, SLIM, "aux_block17"
    ),
}
# The spellings of the peers themselves.
ALIASES = {
    "keras:InceptionV3": "keras:inception_v3",
    "keras:InceptionResNetV2": "keras:inception_resnet_v2",
    "keras:Xception": "keras:xception",
    "facenet-pytorch:InceptionResnetV1": "facenet-pytorch:inception_resnet_v1",
    "timm:legacy_xception": "timm:xception",
    "pytorch-fid:inception": "pytorch-fid:inception_v3",
    "torch-fidelity:inception": "pytorch-fid:inception_v3",
}


def find(name: str) -> Peer:
    """Finds the peer of `torchvision:googlenet`, ignoring a hub tag (`timm:inception_v4.tf_in1k`).

    Raises:
        ConfigError: no such peer; the message lists all.
    """
    bare = name.replace("/", ":", 1).split(".")[0]
    try:
        return PEERS[known("peer", ALIASES.get(bare, bare), tuple(PEERS))]
    except ValueError as e:
        raise ConfigError(str(e)) from e
