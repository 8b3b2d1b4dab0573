"""Tests of inception_jax.data.images.policy; beside timm and torchvision: tests/peers."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from inception_jax import config
from inception_jax.data.images import operations, policy
from inception_jax.data.order import Stream
from tests.data.pictures import gradient

TRIVIAL = {"policy": "trivialaugment"}
TORCHVISION = {"operations": "torchvision"}


def build(**changes):
    """The policy of an `augment` section, RandAugment if nothing else is given."""
    return policy.Policy(SimpleNamespace(**config.augment(**{"policy": "randaugment", **changes})))


def drawn(found, count=6000, height=100, width=200):
    """The operations of `count` images, by image."""
    rng = Stream(3)
    return [list(found.drawn(rng.at(i), height, width)) for i in range(count)]


@pytest.mark.parametrize(
    ("changes", "known", "mean"),
    [({}, 15, 1.0), ({"num_ops": 5}, 15, 2.5), (TORCHVISION, 14, 2 * 13 / 14),
     (TRIVIAL, 15, 1.0), (TRIVIAL | TORCHVISION, 14, 13 / 14)],
)  # fmt: skip
def test_operations_are_chosen_uniformly(changes, known, mean):
    """Each as often as the others; timm leaves half of RandAugment's out, torchvision has one more,
    the identity."""
    found = drawn(build(**changes))
    counts = Counter(step.name for steps in found for step in steps)
    total = counts.total()
    assert len(counts) == known - ("operations" in changes)
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4
    assert abs(total / len(found) - mean) < 4 * np.sqrt(mean / len(found))


def test_timms_strength():
    """Magnitude 7 with a deviation of 0.5: normal, cut off at 10; signs are even."""
    steps = [s for steps in drawn(build(magnitude=7.0, magnitude_std=0.5)) for s in steps]
    most = {"rotate": 30, "shear_x": 0.3, "shear_y": 0.3, "color": 0.9, "contrast": 0.9,
            "brightness": 0.9, "sharpness": 0.9}  # fmt: skip
    shares = np.array([(s.amount - (most[s.name] == 0.9)) / most[s.name]
                       for s in steps if s.name in most])  # fmt: skip
    assert stats.kstest(np.abs(shares), "norm", (0.7, 0.05)).pvalue > 1e-4
    assert abs((shares > 0).mean() - 0.5) < 4 * 0.5 / np.sqrt(len(shares))
    pixels = {n: np.abs([s.amount for s in steps if s.name == n]).mean()
              for n in ("translate_x", "translate_y")}  # fmt: skip
    assert pixels["translate_x"] == pytest.approx(200 * 0.315, rel=0.02)
    assert pixels["translate_y"] == pytest.approx(100 * 0.315, rel=0.02)
    wide = [s.amount for steps in drawn(build(magnitude_std=9.0)) for s in steps
            if s.name == "shear_x"]  # fmt: skip
    assert max(np.abs(wide)) == 0.3 and min(np.abs(wide)) == 0
    resamples = Counter(s.resample for s in steps if s.name in operations.GEOMETRY)
    assert abs(resamples["bicubic"] / resamples.total() - 0.5) < 2 / np.sqrt(resamples.total())


def test_trivialaugments_strength():
    """Uniform, of 31 with torchvision; geometry there is `nearest`."""
    timm = [s.amount for steps in drawn(build(**TRIVIAL)) for s in steps if s.name == "rotate"]
    assert stats.kstest(timm, "uniform", (-30, 60)).pvalue > 1e-4
    steps = [s for steps in drawn(build(**TRIVIAL, **TORCHVISION)) for s in steps]
    degrees = Counter(abs(s.amount) for s in steps if s.name == "rotate")
    assert sorted(degrees) == pytest.approx([4.5 * k for k in range(31)])
    assert {s.resample for s in steps} == {"", "nearest"}


def test_without_noise_a_strength_is_one():
    """A fixed magnitude gives each operation one amount, or two of either sign."""
    amounts = {}
    for steps in drawn(build(magnitude=9.0)):
        for step in steps:
            amounts.setdefault(step.name, set()).add(round(step.amount, 9))
    assert amounts == {
        **{name: {0.0} for name in ("autocontrast", "equalize", "invert")},
        **{name: {0.19, 1.81} for name in ("color", "contrast", "brightness", "sharpness")},
        **{name: {-0.27, 0.27} for name in ("shear_x", "shear_y")},
        "rotate": {-27.0, 27.0}, "posterize": {1}, "solarize": {26}, "solarize_add": {99},
        "translate_x": {-81.0, 81.0}, "translate_y": {-40.5, 40.5},
    }  # fmt: skip


@pytest.mark.parametrize("changes", [{}, TORCHVISION, TRIVIAL, TRIVIAL | TORCHVISION])
def test_an_image_is_a_function_of_its_position(changes):
    """The same bits whatever was drawn before; the input is not written to."""
    found, image = build(**changes), gradient(24, 32)
    rng = Stream(7)
    images = [found(rng.at(i), image) for i in range(60)]
    other = Stream(7)
    for i in reversed(range(60)):
        np.testing.assert_array_equal(found(other.at(i), image), images[i])
    np.testing.assert_array_equal(image, gradient(24, 32))
    assert len({i.tobytes() for i in images}) > 20
    assert {(i.dtype.name, i.shape) for i in images} == {("uint8", image.shape)}


@pytest.mark.parametrize(("changes", "fill"), [({}, 128), (TORCHVISION, 0)])
def test_outside_of_the_image(changes, fill):
    """Grey with timm's operations, black with torchvision's."""
    found = build(**changes, num_ops=1, magnitude=10.0)
    levels, white = set(), np.full((20, 20, 3), 255, np.uint8)
    for i in range(200):
        if any(step.resample for step in found.drawn(Stream(0).at(i), 20, 20)):
            levels |= set(np.unique(found(Stream(0).at(i), white)))
    assert levels == {fill, 255}
