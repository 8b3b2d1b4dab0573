"""Resizes pixels as each library does: OpenCV, TensorFlow 1's `resize_bilinear`, and Pillow.

Between them lie several grey levels an image, so a published number is only reproduced with its
own. OpenCV's and TensorFlow's read two pixels a side, however much smaller the result is; Pillow's
average over all that it covers (`antialias`). OpenCV's and Pillow's align the edges of the image,
TensorFlow 1's the centres of its first pixels: its result is shifted by half an output pixel.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from PIL import Image

Size = tuple[int, int]  # width, height
Resize = Callable[..., np.ndarray]  # of pixels, size, and an array for the result, or None
LONGEST_SIDE = 32_766  # of an image for cv2.remap


def _opencv(
    pixels: np.ndarray, size: Size, out: np.ndarray | None = None, *, how: int
) -> np.ndarray:
    return cv2.resize(pixels, size, dst=out, interpolation=how)


def _pillow(
    pixels: np.ndarray, size: Size, out: np.ndarray | None = None, *, how: Image.Resampling
) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize(size, how))


def _tensorflow1(pixels: np.ndarray, size: Size, out: np.ndarray | None = None) -> np.ndarray:
    """`tf.compat.v1.image.resize_bilinear`, rounded: output pixel i reads at i * scale."""
    at = []
    for axis, count in zip((1, 0), size, strict=True):
        length = pixels.shape[axis]
        position = np.arange(count) * (length / count)
        if length > LONGEST_SIDE:  # only the pixels that are read, in pairs
            low = position.astype(np.intp)
            pairs = np.stack([low, np.minimum(low + 1, length - 1)], axis=1)
            pixels = np.take(pixels, pairs.ravel(), axis)
            position += 2 * np.arange(count) - low
        at.append(position.astype(np.float32))
    x, y = np.meshgrid(*at)
    return cv2.remap(pixels, x, y, cv2.INTER_LINEAR, out, borderMode=cv2.BORDER_REPLICATE)


# By the name that `data.interpolation` has; those without a library's name are OpenCV's.
RESIZES: dict[str, Resize] = {
    "bilinear": partial(_opencv, how=cv2.INTER_LINEAR),
    "nearest": partial(_opencv, how=cv2.INTER_NEAREST_EXACT),
    "bicubic": partial(_opencv, how=cv2.INTER_CUBIC),
    "area": partial(_opencv, how=cv2.INTER_AREA),
    "lanczos": partial(_opencv, how=cv2.INTER_LANCZOS4),
    "tf1_bilinear": _tensorflow1,
    "pil_bilinear": partial(_pillow, how=Image.Resampling.BILINEAR),
    "pil_bicubic": partial(_pillow, how=Image.Resampling.BICUBIC),
}


def resize(pixels: np.ndarray, size: Size, how: str, out: np.ndarray | None = None) -> np.ndarray:
    """`pixels`, uint8 [h, w, 3], resized to `size` by `RESIZES[how]`; the aspect may change.

    The result is written to `out`, contiguous uint8 of that size, if it is given; without it,
    pixels that have the size are returned themselves.
    """
    found = pixels if pixels.shape[1::-1] == size else RESIZES[how](pixels, size, out)
    if out is None or found is out:
        return found
    out[:] = found
    return out
