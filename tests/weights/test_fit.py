"""Tests `fit`: a peer's network in what training scripts write."""

import numpy as np
import pytest

from inception_jax import weights
from inception_jax.errors import DataError
from inception_jax.weights.formats import in_memory

PEER = weights.find("torchvision:googlenet")
KERAS = weights.find("keras:xception")
HEAD = ("fc.weight", "fc.bias")
SOME = {"weight": np.ones((5, 1024)), "bias": np.ones(5)}


def network(peer=PEER):
    """A small array under every name of the peer, but for the logits of 3 classes."""
    arrays = {name: np.ones(2) for name in sorted(peer.array_names()) if not name.startswith("aux")}
    key = lambda leaf: peer.layout.key(peer.names()["logits"][0], leaf)  # noqa: E731
    return arrays | {key("kernel"): np.ones((3, 1024)), key("bias"): np.ones(3)}


def below(prefix, arrays):
    """The arrays with a prefix."""
    return {prefix + k: v for k, v in arrays.items()}


def without_head(peer=PEER):
    """The arrays without the classifier's."""
    return {k: v for k, v in network(peer).items() if not k.startswith(("fc.", "predictions/"))}


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.model.", "state_dict.",
     "state_dict.model.", "a.b.c.net.", "model.backbone.module.", "0.state_dict.student."],
)  # fmt: skip
def test_prefixes(prefix):
    """Any prefix, in any order; what is beside is left out, and said."""
    beside = {"epoch": np.array(3), "optimizer.state.0.exp_avg": np.ones(9)} if prefix else {}
    found, notes = weights.fit(in_memory(below(prefix, network()) | beside), PEER)
    assert set(found) == set(network())
    assert (not prefix) or "left out: optimizer (1)" in notes[-1]


def test_a_wrapped_part():
    """torch.compile of one module writes its prefix in the middle of names."""
    arrays = {k.replace("inception3a.", "inception3a._orig_mod."): v for k, v in network().items()}
    assert set(weights.fit(in_memory(arrays), PEER).arrays) == set(network())


def test_the_best_fit_wins_and_averages_win_a_tie():
    """The mapping with most of the peer's names; its name is said."""
    most = below("model.", network()) | below("model_ema.", {"conv1.conv.weight": np.zeros(1)})
    assert weights.fit(in_memory(most), PEER).arrays["conv1.conv.weight"][0] == 1
    both = below("state_dict.", network()) | below(
        "state_dict_ema.module.", {k: 0 * v for k, v in network().items()}
    )
    found, notes = weights.fit(in_memory(both | {"state_dict_ema.n_averaged": np.array(1)}), PEER)
    assert found["conv1.conv.weight"][0] == 0 and set(found) == set(network())
    assert notes[0] == (
        "arrays below state_dict_ema.module. of the file; those below state_dict. fit as well"
    )


@pytest.mark.parametrize(
    ("prefix", "head", "kept"),
    [
        ("", below("fc.1.", SOME), True),  # Sequential(Dropout, Linear)
        ("model.backbone.", below("model.head.", SOME) | {"model.loss.weight": np.ones(5)}, True),
        ("encoder.", below("classifier.", SOME), True),
        ("", below("fc.0.", SOME) | below("fc.2.", {"weight": np.ones((2, 5)), "bias": np.ones(2)}),
         False),
        ("", below("fc.0.", {"weight": np.ones(1024), "bias": np.ones(1024)})
         | below("fc.1.", SOME), False),  # BatchNorm before it
        ("", below("fc.1.", {"weight": np.ones((5, 512)), "bias": np.ones(5)}), False),
        ("", {}, False),
    ],
)  # fmt: skip
def test_a_classifier_of_its_own(prefix, head, kept):
    """One dense layer on the features is the classifier; others are left out, and said."""
    found, notes = weights.fit(in_memory(below(prefix, without_head()) | head), PEER)
    assert (set(HEAD) <= set(found)) is kept
    assert any(note.startswith("classifier:" if kept else "no classifier") for note in notes)
    if kept:
        assert PEER.create(found).num_classes == 5


@pytest.mark.parametrize(
    ("tail", "kept"),
    [(["Activation", "GlobalAveragePooling2D", "Dropout", "Dense"], True),
     (["GlobalMaxPooling2D", "Dense"], False), (["Flatten", "Dense"], False),
     (["GlobalAveragePooling2D", "LayerNormalization", "Dense"], False)],
)  # fmt: skip
def test_keras_states_what_is_before_the_classifier(tail, kept):
    """Only pool, dropout, dense is the network's classifier."""
    arrays = below("xception/", without_head(KERAS)) | {
        "dense/kernel": np.ones((2048, 6)), "dense/bias": np.ones(6),
    }  # fmt: skip
    last = [("xception/block14_sepconv2_bn", "BatchNormalization")]
    layers = [("in", "InputLayer"), ("scale", "Rescaling"), *last, *(("x", k) for k in tail)]
    found, notes = weights.fit(in_memory(arrays, layers), KERAS)
    assert ("predictions/kernel" in found) is kept
    assert "Rescaling" in notes[-1]


def test_other_classes_than_the_auxiliary_heads():
    """Where only the classifier was replaced, the old auxiliary heads are left out."""
    aux = {name: np.ones(4) for name in PEER.array_names() if name.startswith("aux")}
    found, notes = weights.fit(in_memory(network() | aux), PEER)
    assert not any(name.startswith("aux") for name in found) and "aux1" in notes[-1]


def test_another_network_is_refused():
    """Some of its names are shown, and what was expected; surplus arrays are passed on."""
    with pytest.raises(DataError, match=r"none of its 2 arrays has a name such as .*layer1.0"):
        weights.fit(in_memory({"layer1.0.weight": np.ones(2), "layer1.0.bias": np.ones(2)}), PEER)
    assert "fc.extra" in weights.fit(in_memory(network() | {"fc.extra": np.ones(2)}), PEER).arrays
