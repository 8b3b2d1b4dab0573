"""Tests `inception_jax/train/input_channels.py`: copies of channels keep the logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import models
from inception_jax.train import input_channels
from tests.train.steps import random_like

pytestmark = pytest.mark.usefixtures("quick_compiler")

# One for each kind of first layer; the other rows are left out.
SMALL = dict(num_classes=5, width=0.125, aux=False)
NETWORKS = {
    "conv": ("googlenet", dict(dialect="slim", stem="small")),
    "separable": ("bn_inception", dict(dialect="slim")),
    "bgr": ("bn_inception", dict(dialect="cadene")),
}


def network(name, channels):
    kind, fields = NETWORKS[name]
    model = models.create(kind, channels=channels, **SMALL, **fields)
    rows = tuple(row.name for row in model.table()[1:])
    return model.clone(drop_rows=rows, mean=(9.0,) * channels, std=(50.0,) * channels)


QUICK = [("conv", 1), ("conv", 4), ("separable", 2), ("separable", 4), ("bgr", 6)]


@pytest.mark.parametrize(
    ("name", "want"),
    [
        pytest.param(name, want, marks=() if (name, want) in QUICK else pytest.mark.slow)
        for name in NETWORKS
        for want in (1, 2, 4, 6, 7)
    ],
)
def test_copies_keep_the_logits(name, want):
    """Channel j is channel j mod 3; of fewer channels all are the same, so grey images."""
    old, new = network(name, 3), network(name, want)
    variables = random_like(jax.eval_shape(lambda: models.init(old)))
    first = variables["params"]["conv1"]
    layer = input_channels.adapted(first, 3, want)
    if name == "separable" and want < 3:
        assert layer is None
        return
    expected = jax.eval_shape(lambda: models.init(new))["params"]["conv1"]
    assert jax.tree.map(np.shape, layer) == jax.tree.map(np.shape, expected)
    rng = np.random.default_rng(0)
    grey = old.preprocessing.channels == "bgr" or want < 3  # of BGR the order is another
    images = rng.normal(size=(2, 64, 64, 1 if grey else 3)).astype(np.float32)
    changed = {**variables, "params": {**variables["params"], "conv1": layer}}
    changed = jax.tree.map(jnp.asarray, changed)
    before = old.apply(variables, images[..., np.arange(3) % images.shape[-1]]).logits
    after = new.apply(changed, images[..., np.arange(want) % images.shape[-1]]).logits
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6 * float(jnp.abs(before).max()))


def test_three_to_six_and_back():
    """Six are two halves, as timm has them; their sums over j mod 3 are the three."""
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 8)).astype(np.float32)
    six = input_channels.adapted({"kernel": kernel}, 3, 6)["kernel"]
    np.testing.assert_array_equal(six[:, :, 3:], kernel / 2)
    back = input_channels.adapted({"kernel": six}, 6, 3)["kernel"]
    np.testing.assert_array_equal(back, kernel)
