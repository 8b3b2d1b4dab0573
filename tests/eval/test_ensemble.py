"""Tests `inception_jax/eval/ensemble.py`: the mean of several networks' probabilities.

`EnsembleMember` is tested through the command, in `tests/cli/test_eval.py`.
"""

import numpy as np
import pytest

from inception_jax.errors import DataError
from inception_jax.eval.ensemble import LogProbs, mean


def random(seed, index=range(4), bad=()):
    """Random probabilities of three classes."""
    rng = np.random.default_rng(seed)
    index = np.array(index, np.int32)
    p = rng.dirichlet(np.ones(3), len(index)).astype(np.float32)
    return LogProbs(index, index % 3, np.log(p), dict.fromkeys(bad, "broken"))


def test_the_mean_of_probabilities():
    """Of three networks, in logarithms; a single one is unchanged."""
    three = [random(i, bad=[str(i)]) for i in range(3)]
    found = mean(iter(three))
    expected = np.mean([np.exp(a.log.astype(np.float64)) for a in three], axis=0)
    np.testing.assert_allclose(np.exp(found.log), expected, rtol=1e-6)
    assert found.log.dtype == np.float32 and list(found.unreadable) == ["0", "1", "2"]
    assert (found.label == three[0].label).all()
    assert mean([three[0]]).log is three[0].log


def test_probabilities_below_float32():
    """A class of probability e^-500 keeps its logarithm."""
    one, other = random(0), random(1)
    one.log[:, 0], other.log[:, 0] = -500, -501
    found = mean([one, other]).log[:, 0]
    np.testing.assert_allclose(found, -500 + np.log((1 + np.exp(-1)) / 2), rtol=1e-6)


def test_other_images_are_refused():
    """Networks with different images have no mean."""
    with pytest.raises(DataError, match="--fresh"):
        mean([random(0), random(1, range(1, 5))])


def test_the_result_does_not_depend_on_the_blocks(monkeypatch):
    """Blocks of three and one block give the same counts."""
    many = random(0, range(100))
    whole = many.result()
    monkeypatch.setattr("inception_jax.eval.ensemble.BLOCK", 3)
    parts = many.result()
    assert (
        parts.measure.sums.confusion == whole.measure.sums.confusion
    ).all() and parts.seen == 100
    assert parts.mistakes == whole.mistakes
