"""Tests `inception_jax/eval/metrics.py`: exact counts for any batches."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.eval.metrics import Sums, per_image, rank


def test_rank_by_hand():
    """Larger logits come first, and equal ones of an earlier class, as argmax orders them."""
    logits = jnp.array([[1.0, 3.0, 2.0], [2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [0.0, 1.0, 5.0]])
    assert rank(logits, jnp.array([2, 0, 2, 0])).tolist() == [1, 0, 2, 2]


def test_per_image_by_hand():
    """Loss, rank, prediction and its probability are those of the log-probabilities."""
    log = np.log(np.array([[0.2, 0.7, 0.1], [0.6, 0.1, 0.3]]))
    found = per_image(log, np.array([0, 0]))
    np.testing.assert_allclose(found["loss"], -np.log([0.2, 0.6]))
    np.testing.assert_allclose(found["confidence"], [0.7, 0.6])
    assert (found["rank"].tolist(), found["prediction"].tolist()) == ([1, 0], [1, 0])


def test_logits_that_are_not_finite_are_no_hit():
    """A NaN or infinite logit makes the image wrong, never a top-1 hit."""
    logits = jnp.array([[jnp.nan, 0.0, 0.0], [jnp.inf, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert rank(logits, jnp.array([0, 0, 0])).tolist() == [3, 3, 0]


def sums_of(log, labels, sizes):
    """The sums of a split cut into batches of the given sizes."""
    total, at = Sums(log.shape[-1]), 0
    for size in sizes:
        part = slice(at, at + size)
        total.add(per_image(log[part], labels[part]), labels[part])
        at += size
    return total


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99), first=st.integers(1, 39))
def test_sums_do_not_depend_on_the_batches(seed, first):
    """Counts of 40 images are equal in one batch and in two, and equal NumPy's."""
    rng = np.random.default_rng(seed)
    log, labels = rng.normal(size=(40, 8)).astype(np.float32), rng.integers(0, 8, 40)
    one, two = sums_of(log, labels, [40]), sums_of(log, labels, [first, 40 - first])
    assert (one.top1, one.top5, one.count) == (two.top1, two.top5, two.count)
    assert (one.confusion == two.confusion).all()
    np.testing.assert_allclose(one.loss, two.loss, rtol=1e-12)
    np.testing.assert_allclose(one.calibration, two.calibration, rtol=1e-12)
    right = np.argsort(-log, axis=-1, kind="stable") == labels[:, None]
    assert one.top1 == right[:, 0].sum() and one.top5 == right[:, :5].any(-1).sum()
    assert one.count == 40


def test_calibration_by_hand():
    """Two bins, confidence 0.9 right half of the time and 0.5 always: ECE = mean of 0.4 and 0.5."""
    sums = Sums(2)
    image = {
        "loss": np.zeros(4),
        "rank": np.array([0, 1, 0, 0]),
        "prediction": np.array([0, 1, 0, 0]),
        "confidence": np.array([0.9, 0.9, 0.5, 0.5]),
    }
    sums.add(image, np.zeros(4, int))
    assert abs(sums.compute()["ece"] - 0.45) < 1e-12
    rows = [r for r in sums.reliability() if r["count"]]
    assert [(r["count"], r["accuracy"]) for r in rows] == [(2, 1.0), (2, 0.5)]


def test_per_class():
    """Top-1 of each class; None without images."""
    sums = Sums(3)
    image = {"loss": np.zeros(3), "rank": np.array([0, 1, 0]), "prediction": np.array([0, 2, 1])}
    sums.add({**image, "confidence": np.ones(3)}, np.array([0, 0, 1]))
    assert [r["top1"] for r in sums.per_class()] == [0.5, 1.0, None]
