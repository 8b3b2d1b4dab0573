"""Tests `inception_jax/eval/probe.py`: probes of features whose quality is known."""

import numpy as np
import pytest

from inception_jax.errors import ConfigError
from inception_jax.eval.probe import FeatureSplit, probe, readable


def split(count, noise, seed, classes=4, scale=1.0):
    """Features of `classes` corners of a cube with noise around them."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % classes
    corners = np.eye(classes, 16, dtype=np.float32)
    x = corners[label] + noise * rng.standard_normal((count, 16)).astype(np.float32)
    return FeatureSplit(scale * x, label)


def results(train, test, **given):
    """By kind, or number of images a class."""
    found = probe(train, test, **given)
    return {r.chosen if r.kind == "fewshot" else r.kind: r for r in found}


def test_clean_features_are_told_apart():
    """Each probe finds all classes; an interval is around its value."""
    found = results(split(80, 0.05, 0), split(40, 0.05, 1), shots=(1, 5))
    assert list(found) == ["linear", "knn", 1, 5]
    assert all(r.top1 == 1.0 and r.low <= r.top1 <= r.high for r in found.values())


def test_more_noise_is_harder_and_more_examples_help():
    """Between chance and certainty, in the order that is expected."""
    test = split(2000, 0.6, 1)
    found = results(split(2000, 0.6, 0), test, shots=(1, 10))
    assert 0.3 < found[1].top1 < found[10].top1 < found["linear"].top1 < 0.95
    assert found["linear"].high - found["linear"].low == pytest.approx(0.04, abs=0.01)
    assert found["knn"].chosen > 1  # one neighbour is the noisiest


def test_the_scale_of_features_does_not_matter():
    """A thousandth or a thousand times as large, the same is chosen and found."""
    small, large = (
        results(split(200, 0.5, 0, scale=s), split(100, 0.5, 1, scale=s), shots=(5,))
        for s in (1e-3, 1e3)
    )
    for key, result in small.items():
        assert result.chosen == large[key].chosen
        assert result.top1 == pytest.approx(large[key].top1, abs=0.011)


def test_too_few_images_of_a_class():
    """The most that there are is named."""
    with pytest.raises(ConfigError, match="--shots=6: expected at most 5"):
        results(split(20, 0.1, 0), split(8, 0.1, 1), shots=(6,))


def test_unreadable_images_take_no_part():
    """Those whose features are NaN, with their labels."""
    features = np.ones((3, 1, 2), np.float32)
    features[1] = np.nan
    found = readable(features, np.array([7, 8, 9]))
    assert found.label.tolist() == [7, 9] and found.x.shape == (2, 2)
