"""RandAugment and TrivialAugment: which operations an image gets, and how strong they are.

Both choose operations uniformly, with replacement. The sets, strengths and probabilities are those
of two libraries (`augment.operations`):

- `timm`: `rand_augment_transform("rand-mM-nN-mstdS-inc1")` of timm's data/auto_augment.py: each
  operation is left out of half of the images; geometry is bilinear or bicubic at random; outside of
  the image it is grey (128, timm's default; its training script takes the mean of the network's
  normalisation, which is 128 for Inception's). TrivialAugment is "rand-m10-n1-p1-mstd101-inc1".
- `torchvision`: `RandAugment` and `TrivialAugmentWide` of its transforms/autoaugment.py: 31
  strengths; one operation is the identity; geometry is `nearest`, and black outside.

RandAugment: arXiv:1909.13719. TrivialAugment: arXiv:2103.10158. Both libraries mirror an image
before, this package after it, on the device. The result has the same distribution but for shear_y:
colours do not depend on the place, and other geometry takes either sign equally often about an axis
that the mirror keeps. A vertical shear leaves the left column in place, and here the right one if
the image is mirrored.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from inception_jax.config import sections
from inception_jax.data.images.crops import Rng
from inception_jax.data.images.operations import COLOURS, GEOMETRY

BINS = 31  # torchvision's strengths
UNIFORM = 100  # timm: a larger magnitude_std stands for uniform magnitudes up to `magnitude`
TIMM_MOST = 10  # timm's largest magnitude

# An amount by strength in [0, 1], sign (-1 or 1), and the image's pixels along the axis.
Amount = Callable[[float, int, int], float]


class Applied(NamedTuple):
    """One operation on one image; `resample` is empty unless it is geometric."""

    name: str
    amount: float
    resample: str


def _signed(most: float, low: float = -math.inf, middle: float = 0.0) -> Amount:
    return lambda strength, sign, _: max(low, middle + sign * (strength * most))


def _none(strength: float, sign: int, pixels: int) -> float:
    return 0.0


TIMM: dict[str, Amount] = {
    "autocontrast": _none,
    "equalize": _none,
    "invert": _none,
    "rotate": _signed(30.0),  # degrees
    "posterize": lambda strength, *_: 4 - int(strength * 4),  # bits
    "solarize": lambda strength, *_: 256 - min(256, int(strength * 256)),
    "solarize_add": lambda strength, *_: min(128, int(strength * 110)),
    **dict.fromkeys(("color", "contrast", "brightness", "sharpness"), _signed(0.9, 0.1, 1.0)),
    **dict.fromkeys(("shear_x", "shear_y"), _signed(0.3)),
    **dict.fromkeys(
        ("translate_x", "translate_y"),
        lambda strength, sign, pixels: sign * (strength * 0.45) * pixels,
    ),
}


def _linspace(most: float, strength: float) -> float:
    """`strength * most`, in float32 as `torch.linspace(0, most, 31)` rounds it."""
    last, k = BINS - 1, round(strength * (BINS - 1))
    step = float(np.float32(most) / np.float32(last))
    exact = step * k if k < last / 2 else float(np.float32(most)) - step * (last - k)
    return float(np.float32(exact))


def _torchvision(
    shear: float, translate: Callable[[int], float], degrees: float, colour: float, bits: int
) -> dict[str, Amount]:
    def signed(most: float, middle: float = 0.0) -> Amount:
        return lambda strength, sign, _: middle + sign * _linspace(most, strength)

    return {
        "identity": _none,
        **dict.fromkeys(("shear_x", "shear_y"), signed(shear)),
        **dict.fromkeys(
            ("translate_x", "translate_y"),
            # Its pixels say where the image goes, not where it is read.
            lambda strength, sign, pixels: -sign * int(_linspace(translate(pixels), strength)),
        ),
        "rotate": signed(degrees),
        **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), signed(colour, 1.0)),
        "posterize": lambda strength, *_: 8 - round(strength * bits),
        "solarize": lambda strength, *_: 255 - _linspace(255, strength),
        "autocontrast": _none,
        "equalize": _none,
    }


TORCHVISION = {
    "randaugment": _torchvision(0.3, lambda pixels: 150 / 331 * pixels, 30.0, 0.9, 4),
    "trivialaugment": _torchvision(0.99, lambda _: 32.0, 135.0, 0.99, 6),
}


class Policy:
    """The policy of an `augment` section whose `policy` is not `none`."""

    def __init__(self, augment: sections.Augment):
        a, trivial = augment, augment.policy == "trivialaugment"
        timm = a.operations == "timm"
        self._amounts = TIMM if timm else TORCHVISION[a.policy]
        self._names = tuple(self._amounts)
        self._count = 1 if trivial else a.num_ops
        self._left_out = 0.5 if timm and not trivial else 0.0
        self._resamples = ("bilinear", "bicubic") if timm else ("nearest",)
        self._fill = 128 if timm else 0
        if timm:
            magnitude, std = (TIMM_MOST, math.inf) if trivial else (a.magnitude, a.magnitude_std)
            self._strength = functools.partial(_timm_strength, magnitude, std)
        else:
            self._strength = functools.partial(_bin, None if trivial else int(a.magnitude))

    def __call__(self, rng: Rng, image: np.ndarray) -> np.ndarray:
        """Apply operations that `rng` chooses to `image`, uint8 [h, w, 3]: another array, or it."""
        for name, amount, resample in self.drawn(rng, *image.shape[:2]):
            if resample:
                image = GEOMETRY[name](image, amount, resample, self._fill)
            else:
                image = COLOURS[name](image, amount)
        return image

    def drawn(self, rng: Rng, height: int, width: int) -> Iterator[Applied]:
        """Choose the operations for an image of `height` x `width` pixels, in their order."""
        for _ in range(self._count):
            name = self._names[rng.integers(len(self._names))]
            if name == "identity" or (self._left_out and rng.uniform(0, 1) < self._left_out):
                continue
            strength, sign = self._strength(rng), 2 * rng.integers(2) - 1
            amount = self._amounts[name](strength, sign, width if name.endswith("x") else height)
            resample = ""
            if name in GEOMETRY:
                resample = self._resamples[rng.integers(len(self._resamples))]
            yield Applied(name, amount, resample)


def _timm_strength(magnitude: float, std: float, rng: Rng) -> float:
    """The magnitude, normal about `magnitude` or uniform below it, as a share of timm's 10."""
    if std > UNIFORM:
        magnitude = rng.uniform(0, magnitude)
    elif std > 0:  # the method of Box and Muller
        radius = std * math.sqrt(-2 * math.log(1 - rng.uniform(0, 1)))
        magnitude += radius * math.cos(2 * math.pi * rng.uniform(0, 1))
    return min(max(magnitude, 0.0), TIMM_MOST) / TIMM_MOST


def _bin(index: int | None, rng: Rng) -> float:
    """One of torchvision's strengths, at random unless it is given."""
    return (rng.integers(BINS) if index is None else index) / (BINS - 1)
