"""Tests `inception_jax/eval/retrieved.py`: neighbours and verification, by loops and by hand."""

import numpy as np
import pytest

from inception_jax.eval import retrieved
from inception_jax.eval.retrieved import Retrieved


def split(count=120, classes=9, noise=0.8):
    """Embeddings around the centre of their class; the last class has one image."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes - 1, count)
    labels[-1] = classes - 1
    x = rng.normal(size=(classes, 6))[labels] + noise * rng.normal(size=(count, 6))
    return labels, x.astype(np.float32)


def measured(order, size):
    """The measure of the images, added in an order and in batches."""
    labels, x = split()
    measure = Retrieved(6)
    for at in range(0, len(order), size):
        rows = order[at : at + size]
        measure.add(rows, labels[rows], x[rows])
    return measure


def test_recall_by_loops():
    """An image is found at k if one of its class is among its k nearest others."""
    labels, x = split()
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    hits = {k: [] for k in (1, 5, 10)}
    for i in range(len(x) - 1):  # the last is alone in its class
        near = np.argsort(-(x @ x[i]), kind="stable")
        near = near[near != i]
        for k, found in hits.items():
            found.append((labels[near[:k]] == labels[i]).any())
    numbers = measured(np.arange(120), 50).compute()
    for k, found in hits.items():
        assert numbers[f"recall{k}"] == np.mean(found)
    rows = measured(np.arange(120), 50).details(list("abcdefghi"))["table"]["rows"]
    assert rows[-1] == [1, None] and sum(r[0] for r in rows) == 120


def test_results_depend_on_no_order_and_no_batches():
    """The same for images in another order, in other batches."""
    order = np.random.default_rng(1).permutation(120)
    assert measured(order, 7).compute() == measured(np.arange(120), 120).compute()


def test_equal_embeddings_find_nothing():
    """A network that maps all to one point has recall 0: ties count against."""
    labels = np.arange(40) % 4
    assert (retrieved.nearest_of_class(labels, np.ones((40, 3)) / np.sqrt(3)) == 30).all()


def test_pairs_are_of_both_kinds_and_come_once():
    """Half of them of one class, as many as there are; a function of the labels alone."""
    labels, _ = split()
    one, other, same = retrieved.pairs(labels)
    assert ((labels[one] == labels[other]) == same).all() and (one < other).all()
    assert len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(one)
    all_same = sum(n * (n - 1) // 2 for n in np.bincount(labels).tolist())
    assert same.sum() == (~same).sum() == min(all_same, 3000)
    again = retrieved.pairs(labels.copy())
    assert all((a == b).all() for a, b in zip((one, other, same), again, strict=True))


@pytest.mark.parametrize(
    ("near", "same", "right"),
    [([0.9, 0.8, 0.3], [1, 1, 0], 3), ([0.9, 0.8, 0.7], [0, 1, 0], 2), ([0.5, 0.5], [1, 0], 1),
     ([0.9, 0.1], [0, 0], 2), ([0.9, 0.1], [1, 1], 2)],
)  # fmt: skip
def test_the_threshold_gets_most_pairs_right(near, same, right):
    """No other threshold is better, among equal similarities too."""
    near, same = np.array(near), np.array(same, bool)
    least = retrieved.best_threshold(near, same)
    assert ((near >= least) == same).sum() == right


def test_verification():
    """Separate classes are verified without error; random embeddings at chance."""
    labels = np.arange(200) % 5
    apart = np.eye(5)[labels]
    rng = np.random.default_rng(0)
    chance = rng.normal(size=(200, 5))
    chance /= np.linalg.norm(chance, axis=1, keepdims=True)
    assert (retrieved.verified(labels, apart) == 1).all()
    assert abs(retrieved.verified(labels, chance).mean() - 0.5) < 0.05
    assert len(retrieved.verified(labels, apart)) == 10
    assert not len(retrieved.verified(np.arange(30), rng.normal(size=(30, 5))))
