"""Tests `inception_jax/eval/feature_cache.py`: what is computed, kept, and computed again."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from inception_jax import models
from inception_jax.data.images.decode import BadImageError
from inception_jax.errors import ConfigError, DataError, StoppedEarlyError
from inception_jax.eval import feature_cache
from inception_jax.eval.feature_cache import FeatureCache
from inception_jax.eval.protocols import from_data_section
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from tests.tiny import Tiny, digits

COUNT = 150


class Squares:
    """Images of one colour each; those of `bad` cannot be read."""

    classes = ("even", "odd")

    def __init__(self, bad=(), shade=0):
        self.bad, self.shade, self.reads = bad, shade, 0

    def __len__(self):
        return COUNT

    def label(self, index):
        return index % 2

    def stored(self, index):
        self.reads += 1
        if index in self.bad:
            raise BadImageError("cut off")
        return np.full((8, 8, 3), index + self.shade, np.uint8)

    def name(self, index):
        return f"square {index}"

    def stamp(self, index):
        return str(self.shade)


@pytest.fixture(scope="module")
def network():
    """A network and its variables."""
    model = Tiny()
    return model, models.init(model, image_size=8)


def cache(folder, network, devices=1):
    """The cache of the network's features, computed 16 images at a time."""
    mesh = meshes.make(devices, 1, jax.devices()[:devices])
    return FeatureCache(folder, *network, mesh, 16)


def get(cache, source, rows=("pool",), protocol="config", **given):
    """The features of a source's images at 8 pixels."""
    data = digits(data__image_size=8, data__eval_crop=1.0, data__threads=2).data
    return cache.get(rows, source, "train", data, from_data_section(data, protocol), **given)


def test_features_are_the_networks(tmp_path, network):
    """Of each image and view at each row, whatever the number of devices; read once."""
    model, variables = network
    source = Squares()
    found = get(cache(tmp_path / "one", network), source, ("conv2", "pool"), "mirror")
    assert source.reads == COUNT
    images = np.stack([source.stored(i) for i in range(COUNT)])
    x = preprocess.as_input(images, model)
    expected = model.apply(variables, x, endpoints=True).endpoints
    for row in ("conv2", "pool"):
        assert found[row].shape == (COUNT, 2, *expected[row].shape[1:])
        for view in range(2):
            assert_allclose(found[row][:, view], expected[row], rtol=1e-4, atol=1e-5)
    several = get(cache(tmp_path / "four", network, 4), source, ("conv2", "pool"), "mirror")
    assert_allclose(several["pool"], found["pool"], rtol=1e-4, atol=1e-5)


def test_nothing_is_computed_twice(tmp_path, network):
    """Not for the same weights and images; other weights, images or crops have other files."""
    get(cache(tmp_path, network), Squares())
    again = Squares()
    get(cache(tmp_path, network), again)
    assert again.reads == 0
    get(cache(tmp_path, network), again, ("pool", "conv2"))
    assert again.reads == COUNT  # conv2 is below
    model, variables = network
    other = jax.tree.map(lambda x: 2 * x, variables)
    others = (((model, other), Squares(), "config"), (network, Squares(shade=1), "config"),
              (network, Squares(), "mirror"))  # fmt: skip
    for used, source, protocol in others:
        get(cache(tmp_path, used), source, protocol=protocol)
        assert source.reads == COUNT


def test_stored_features_are_gone_on_from(tmp_path, network):
    """What is above a stored row is computed from it, not from the images, with the same result."""
    source = Squares(bad=(7,))
    get(cache(tmp_path, network), source, ("conv2",), "mirror")
    read = source.reads
    found = get(cache(tmp_path, network), source, ("conv3", "pool"), "mirror")
    assert source.reads == read
    expected = get(cache(tmp_path / "other", network), source, ("conv3", "pool"), "mirror")
    for row, values in expected.items():
        assert_allclose(found[row], values, rtol=1e-5, atol=1e-6)
    logits = get(cache(tmp_path, network), source, ("logits",), "mirror")["logits"]
    assert np.isnan(logits[7]).all() and np.isfinite(logits[8]).all()


def test_a_stopped_computation_goes_on(tmp_path, network, monkeypatch):
    """From the batch at which it was stopped, with the same result; no file of it was visible."""
    monkeypatch.setattr(feature_cache, "SYNCED", 1)
    left, source = iter(range(4)), Squares()

    def stop():
        if next(left, None) is None:
            raise StoppedEarlyError("stopped")

    with pytest.raises(StoppedEarlyError):
        get(cache(tmp_path, network), source, stop=stop)
    assert not list(tmp_path.glob("*.npy"))
    rest = Squares()
    found = get(cache(tmp_path, network), rest)["pool"]
    assert 0 < rest.reads <= COUNT - 4 * 16
    assert_array_equal(found, get(cache(tmp_path / "whole", network), Squares())["pool"])
    assert {p.suffix for p in tmp_path.iterdir() if p.is_file()} == {".npy"}


def test_unreadable_images_are_nan(tmp_path, network):
    """One in a hundred is tolerated, as in training; more end the run."""
    found = get(cache(tmp_path, network), Squares(bad=(149,)))["pool"]
    assert np.isnan(found).any(axis=(1, 2)).nonzero()[0].tolist() == [149]
    with pytest.raises(DataError, match="2 of 150 images are unreadable"):
        get(cache(tmp_path / "two", network), Squares(bad=(3, 4)))


def test_an_unknown_row_is_refused(tmp_path, network):
    """With those that there are, before anything is written."""
    with pytest.raises(ConfigError, match="unknown row 'conv9' of tiny, expected one of conv1"):
        get(cache(tmp_path / "none", network), Squares(), ("conv9",))
    assert not (tmp_path / "none").exists()
