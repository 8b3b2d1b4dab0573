"""Tests `inception_jax/train/finetune.py`: what fits is taken, what does not is refused."""

import jax
import jax.numpy as jnp
import pytest

from inception_jax import checkpoint, models
from inception_jax.errors import ConfigError
from inception_jax.train import finetune
from inception_jax.workdir import run_dir
from tests.tiny import Tiny
from tests.train.steps import random_like


def shapes(**fields):
    """A network, and its variables as shapes."""
    model = Tiny(**{"num_classes": 10, **fields})
    image = jnp.zeros((1, 8, 8, model.channels))
    return model, {"batch_stats": {}, **jax.eval_shape(model.init, jax.random.key(0), image)}


@pytest.fixture
def other(monkeypatch):
    """Makes the other run: its variables, and its config's section `model`."""

    def make(**fields):
        model, tree = shapes(**fields)
        saved = {key: getattr(model, key) for key in ("dialect", "normalization", "width", "stem")}
        saved |= {"name": "tiny", "drop_rows": list(model.drop_rows), "mean": [], "std": []}
        config = {"model": saved, "data": {"channels": model.channels}}
        monkeypatch.setitem(models.MODELS, "tiny", Tiny)
        monkeypatch.setattr(checkpoint, "load", lambda workdir: (7, random_like(tree)))
        monkeypatch.setattr(run_dir, "saved_config", lambda workdir: config)

    return make


@pytest.mark.parametrize(
    ("there", "here", "reason"),
    [({}, {"width": 2.0}, "model.width is 1.0 there, 2.0 here"),
     ({"drop_rows": ("conv2",)}, {}, r"model.drop_rows is \['conv2'\] there, \(\) here")],
)  # fmt: skip
def test_less_than_half_is_refused(other, tmp_path, there, here, reason):
    """With the keys that differ; the message is short."""
    other(**there)
    with pytest.raises(ConfigError, match=reason) as e:
        finetune.arrays(tmp_path, *shapes(**here))
    assert len(str(e.value)) < 400


def test_another_classifier_is_named_once(other, tmp_path):
    """What is fresh because its shape differs is not named again as unused; layers are counted."""
    other(num_classes=5)
    taken, lines = finetune.arrays(tmp_path, *shapes())
    assert lines == [
        f"{len(taken)} of {len(taken) + 4} arrays from {tmp_path} at step 7",
        "fresh, of another shape there: aux_conv2 (2), logits (2)",
    ]


def test_lists_are_bounded():
    """At most eight layers a line."""
    paths = [f"['params']['block_{i}']['conv']['kernel']" for i in range(100)]
    assert finetune._layers(paths).endswith("block_7 (1) and 92 more")


def test_the_first_layer_reads_the_networks_channels(other, tmp_path):
    """A run on RGB starts one on six channels; a line says which layer was made."""
    other()
    model, wanted = shapes(channels=6)
    taken, lines = finetune.arrays(tmp_path, model, wanted)
    assert taken["['params']['conv1']['kernel']"].shape == (3, 3, 6, 8)
    assert len(taken) == len(jax.tree.leaves(wanted))
    assert "conv1 reads 6 channels, made of the 3 there" in lines
