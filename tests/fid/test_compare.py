"""Tests `inception_jax/fid/compare.py`: scores and the notes on what limits them."""

import numpy as np
import pytest

from inception_jax.errors import ConfigError
from inception_jax.fid import compare, distances
from inception_jax.fid.image_set import ImageSet


def image_set(count, width=3, network="n", seed=0):
    """A set with random features and logits."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, width)).astype(np.float32)
    logits = rng.normal(size=(count, 5)).astype(np.float32)
    statistics = distances.statistics(features)
    return ImageSet(f"set{seed}", statistics, count, features, logits, {}, network)


def test_two_sets():
    """All scores, and a note for each limit, once."""
    scores = compare.compare([image_set(7), image_set(9, seed=1)], 4, 1000, 10, 0)
    assert scores["fid"] > 0 and scores["kid"]["subset_size"] == 7
    assert [s["inception_score"]["splits"] for s in scores["sets"]] == [7, 9]
    notes = " ".join(scores["notes"])
    assert "7 images, not 1,000" in notes and "set0 is over 7 parts" in notes
    assert len(set(scores["notes"])) == len(scores["notes"]) and "singular" not in notes


def test_one_set():
    """No distances."""
    scores = compare.compare([image_set(7)], 4, 1000, 2, 0)
    assert scores["fid"] is scores["kid"] is None and len(scores["sets"]) == 1


def test_subsets_that_are_the_sets():
    """KID is computed once, without a deviation."""
    a = image_set(7)
    numbers, notes = compare.kid_of(a, a, 100, 7, seed=0)
    assert numbers["subsets"] == 1 and numbers["std"] == 0 and "without a deviation" in notes[0]
    assert compare.kid_of(a, a, 100, 6, seed=0)[0]["std"] > 0


@pytest.mark.parametrize("other", [image_set(5, network="m"), image_set(5, width=4)])
def test_other_networks_are_refused(other):
    """By the weights' digest, or by the number of features."""
    with pytest.raises(ConfigError, match="features of one network"):
        compare.fid_of(image_set(5), other)


def test_few_images_or_an_unknown_network_are_noted():
    """A singular covariance, and a file without its network's digest."""
    _, notes = compare.fid_of(image_set(3), image_set(5, network=""))
    assert "covariance is singular" in notes[0] and "does not name its network" in notes[1]
