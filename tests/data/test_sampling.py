"""Tests of inception_jax.data.sampling."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax.data import sampling
from inception_jax.data.pipeline import TrainReader, batches
from inception_jax.data.sampling import Balanced, ClassBatches
from inception_jax.data.sources.digits import Digits
from inception_jax.errors import ConfigError
from tests.data.batches import equal
from tests.data.pictures import settings

LABELS = np.repeat([0, 2, 3], [900, 90, 10])  # no example of class 1


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_classes_come_as_often_as_the_exponent_says(power):
    """An epoch has n_c^(1 - power) of each class in proportion, and as many examples as before."""
    found = Balanced(LABELS, power, 5)(3)
    assert len(found) == 1000
    share = np.array([900, 90, 10]) ** (1 - power)
    counts = np.bincount(LABELS[found], minlength=4)[[0, 2, 3]]
    np.testing.assert_allclose(counts, 1000 * share / share.sum(), atol=1)


def test_images_of_a_class_take_turns():
    """Over epochs, any two images of a class come equally often, but for the lap that has begun."""
    seen = Counter(np.concatenate([Balanced(LABELS, 1.0, 5)(e) for e in range(7)]).tolist())
    for number in (0, 2, 3):
        times = {seen[i] for i in np.flatnonzero(number == LABELS).tolist()}
        assert max(times) - min(times) <= 1


def test_the_order_is_a_function_of_seed_and_epoch():
    """Another object gives the same; another epoch or seed another order; neighbours are mixed."""
    one, again = Balanced(LABELS, 0.7, 5), Balanced(LABELS, 0.7, 5)
    again(8)
    np.testing.assert_array_equal(one(2), again(2))
    assert (one(2) != one(3)).mean() > 0.5
    assert (one(2) != Balanced(LABELS, 0.7, 6)(2)).mean() > 0.5
    assert len(set(LABELS[one(2)[:20]].tolist())) > 1


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=9), st.integers(1, 500))
def test_shares_add_up(shares, total):
    """Whole numbers within one of the exact ones, with the exact sum."""
    share = np.array(shares) / sum(shares)
    found = sampling.shared_out(share, total)
    assert found.sum() == total and np.abs(found - share * total).max() < 1 + 1e-6


@pytest.mark.parametrize("processes", [0, 2])
def test_a_balanced_reader_resumes_anywhere(processes):
    """Batches from any step on, of threads or processes, are those of the whole run; with weights
    of the examples."""
    source = Digits("train")
    weights = np.arange(len(source), dtype=np.float32)
    data = settings(image_size=4, balance=0.9)
    read = lambda: TrainReader(source, data, 3, weights=weights)  # noqa: E731
    whole = list(batches(read(), 300, range(12), 2))
    equal(list(batches(read(), 300, range(9, 12), 2, processes=processes)), whole[9:])
    np.testing.assert_array_equal(whole[0]["weight"], whole[0]["index"])


def test_batches_of_classes():
    """P classes with K images each, which differ if there are as many; classes take turns."""
    labels = np.repeat(np.arange(7), [9, 4, 8, 2, 5, 5, 5])
    sampler = ClassBatches(labels, 12, 4, seed=3)
    seen = Counter()
    for batch in range(6):
        found = sampler(batch)
        own = labels[found].reshape(3, 4)
        assert (own == own[:, :1]).all() and len(set(own[:, 0].tolist())) == 3
        for row, c in zip(found.reshape(3, 4), own[:, 0].tolist(), strict=True):
            assert len(set(row.tolist())) == min(4, int((labels == c).sum()))
        seen.update(own[:, 0].tolist())
        if batch % 2:  # a lap of two batches has no class twice
            assert max(seen.values()) <= batch // 2 + 1
    np.testing.assert_array_equal(ClassBatches(labels, 12, 4, seed=3)(5), found)
    with pytest.raises(ConfigError, match="expected at least 8 classes in training, found 7"):
        ClassBatches(labels, 32, 4, seed=3)


def test_a_reader_of_class_batches_resumes_anywhere():
    """Every process reads its part of the same batches."""
    data = settings(image_size=4, batch_size=20, images_per_class=4)
    read = lambda: TrainReader(Digits("train"), data, 3)  # noqa: E731
    whole = list(batches(read(), 20, range(4), 2))
    equal(list(batches(read(), 20, range(2, 4), 1)), whole[2:])
    assert all((np.bincount(b["label"]) % 4 == 0).all() for b in whole)
