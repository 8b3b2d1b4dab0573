"""Tests `inception_jax/data/features.py`: stored features come in the order of the images."""

import numpy as np

from inception_jax.data.features import TrainFeatures, ViewFeatures
from inception_jax.data.pipeline import TrainReader
from inception_jax.data.sources.digits import Digits
from tests.tiny import digits


def read(reader, positions):
    """The examples at some positions."""
    out = reader.empty(len(positions))
    reader(positions, out)
    return out


def features(count):
    """Features [n, views, 3] whose numbers are the image's."""
    return np.arange(count, dtype=np.float32)[:, None, None] + np.zeros((1, 2, 3), np.float32)


def test_the_order_is_that_of_the_images():
    """The same examples, labels and epochs at every position as the reader of images has."""
    source = Digits("train")
    positions = range(1400, 1500)  # over the end of an epoch
    images = read(TrainReader(source, digits().data, seed=7), positions)
    reader = TrainFeatures(features(len(source)), TrainReader(source, digits().data, seed=7))
    found = read(reader, positions)
    for key in ("index", "label", "epoch"):
        assert (found[key] == images[key]).all()
    assert (found["features"] == found["index"][:, None]).all()
    assert reader.clock.ms()["read"] > 0


def test_unreadable_images_are_replaced_by_the_next():
    """As the reader of images does; they are named once."""
    source = Digits("train")
    stored = features(len(source))
    stored[5] = np.nan
    images = TrainReader(source, digits().data, seed=0)
    bad, found = images.bad, read(TrainFeatures(stored, images), range(2 * len(source)))
    assert (found["index"] == 6).sum() == 4 and not (found["index"] == 5).any()
    assert list(bad.reasons) == [source.name(5)]


def test_views_have_their_weights():
    """An unreadable image and padding count nothing."""
    source = Digits("test")
    stored = features(len(source))
    stored[8] = np.nan
    weights = np.array([0.75, 0.25], np.float32)
    reader = ViewFeatures(stored, source, weights, np.array([9, 8, 3]))
    found = read(reader, range(4))
    assert found["index"].tolist() == [9, -1, 3, -1]
    assert found["tried"].tolist() == [9, 8, 3, -1]
    assert found["weight"].tolist() == [[0.75, 0.25], [0, 0], [0.75, 0.25], [0, 0]]
    assert found["image"][:, 0, 0].tolist() == [9, 0, 3, 0]
    assert found["label"][2] == source.label(3)
