"""Crops on the host: the part of an image that the network sees."""

import math
from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from inception_jax.config import sections
from inception_jax.data.images.picture import Box

Span = tuple[float, float]
# `random` chooses one of these: GoogLeNet's section 6; TensorFlow's four ResizeMethods.
RANDOM = ("bilinear", "nearest", "bicubic", "area")
ATTEMPTS = 10  # torchvision's
# slim's preprocessing/inception_preprocessing.py, distorted_bounding_box_crop.
TENSORFLOW_ATTEMPTS, MIN_COVERED = 100, 0.1


class Rng(Protocol):
    """A source of random numbers: `order.Stream`, or NumPy's generator."""

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        ...

    def integers(self, low: int, high: int | None = None) -> int:
        """A whole number in [low, high), or [0, low)."""
        ...


def inception_box(rng: Rng, height: int, width: int, area: Span, aspect: Span) -> Box:
    """Sample the crop of GoogLeNet's section 6 from an image of `height` x `width` pixels.

    Its share of the image's area is uniform in `area`, its width / height uniform in `aspect`. A
    rectangle that does not fit is rejected; after ten rejections the crop is the largest central
    one of an allowed aspect (torchvision's rule; TensorFlow takes the whole image).
    """
    return _fitting_box(rng, height, width, area, aspect, lambda: rng.uniform(*aspect))


def random_resized_box(rng: Rng, height: int, width: int, area: Span, aspect: Span) -> Box:
    """Sample the crop of torchvision's `RandomResizedCrop` and timm's.

    It is `inception_box` but for the logarithm of the aspect, which is uniform: wide and tall
    rectangles are equally likely. (Of a uniform aspect in (3/4, 4/3) four of seven are wide.)
    """
    low, high = map(math.log, aspect)
    return _fitting_box(rng, height, width, area, aspect, lambda: math.exp(rng.uniform(low, high)))


def _fitting_box(
    rng: Rng, height: int, width: int, area: Span, aspect: Span, draw: Callable[[], float]
) -> Box:
    """The first of ten rectangles that fits, each of an aspect by `draw`, or the central one."""
    for _ in range(ATTEMPTS):
        pixels = rng.uniform(*area) * height * width
        ratio = draw()
        w, h = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
        if 0 < w <= width and 0 < h <= height:
            y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
            return Box(int(y), int(x), h, w)
    ratio = min(max(width / height, aspect[0]), aspect[1])
    w, h = min(width, max(1, round(height * ratio))), min(height, max(1, round(width / ratio)))
    return Box((height - h) // 2, (width - w) // 2, h, w)


def tensorflow_box(rng: Rng, height: int, width: int, area: Span, aspect: Span) -> Box:
    """Sample a crop as TensorFlow's `sample_distorted_bounding_box`.

    The released Inception code trains with it. The aspect is uniform, but the *height* is uniform
    between those of the smallest and the largest area, so that small rectangles are more likely
    than in `inception_box`. A rectangle must cover a tenth of the image (`min_object_covered=0.1`
    of the whole image, without boxes of objects); after 100 rejections the crop is the image.
    """
    least, most = (share * height * width for share in area)
    for _ in range(TENSORFLOW_ATTEMPTS):
        ratio = rng.uniform(*aspect)
        low, high = round(math.sqrt(least / ratio)), round(math.sqrt(most / ratio))
        if round(high * ratio) > width:
            high = math.floor((width + 0.5 - 1e-7) / ratio)
        high = min(high, height)
        h = int(rng.integers(low, high + 1)) if low < high else high
        w = round(h * ratio)
        if h * w < least:
            h, w = h + 1, round((h + 1) * ratio)
        if h * w > most:
            h, w = h - 1, round((h - 1) * ratio)
        fits = 0 < h <= height and 0 < w <= width and least <= h * w <= most
        if fits and h * w >= MIN_COVERED * height * width:
            return Box(_start(rng, height - h), _start(rng, width - w), h, w)
    return Box(0, 0, height, width)


def _start(rng: Rng, room: int) -> int:
    """A start in [0, room), as in TensorFlow: a rectangle never touches the last row."""
    return int(rng.integers(room)) if room else 0


RANDOM_BOXES = {
    "inception": inception_box,
    "random_resized": random_resized_box,
    "tensorflow": tensorflow_box,
}


def central_box(height: int, width: int, share: float, square: bool) -> Box:
    """The central crop: `share` of both sides, or a square of `share` of the short side.

    Without `square` each margin is rounded down to a whole pixel, as by TensorFlow's
    `central_crop`, with which TF-slim evaluates.
    """
    if square:
        h = w = max(1, round(min(height, width) * share))
    else:
        h, w = (n - 2 * int((n - n * share) / 2) for n in (height, width))
    return Box((height - h) // 2, (width - w) // 2, h, w)


def evaluated_size(data: sections.Data) -> int:
    """The side of the images of evaluation in pixels: `data.eval_size`, or that of training.

    The two differ after arXiv:1906.06423 (FixRes): the random crop of training enlarges objects, so
    that a network does better on larger images than it was trained on.
    """
    return data.eval_size or data.image_size


def evaluated_with(interpolation: str) -> str:
    """The interpolation of evaluation: `random` is for training."""
    return "bilinear" if interpolation == "random" else interpolation


def shifted(rng: Rng, image: np.ndarray, pad: int) -> np.ndarray:
    """Shift `image` [s, s, c] by up to `pad` pixels each way, with a reflected border."""
    dy, dx = rng.integers(0, 2 * pad + 1), rng.integers(0, 2 * pad + 1)
    padded = bordered(image, pad, pad, pad, pad)
    return padded[dy : dy + image.shape[0], dx : dx + image.shape[1]]


def bordered(image: np.ndarray, top: int, bottom: int, left: int, right: int) -> np.ndarray:
    """`image` [h, w, c] with a border in which it is reflected."""
    found = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    return found.reshape(*found.shape[:2], -1)  # OpenCV drops a single channel's axis
