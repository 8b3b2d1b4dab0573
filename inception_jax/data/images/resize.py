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
    if pixels.dtype != np.uint16:
        return np.asarray(Image.fromarray(pixels).resize(size, how))
    found = np.asarray(Image.fromarray(pixels.astype(np.float32)).resize(size, how))
    return np.rint(found.clip(0, 2**16 - 1)).astype(np.uint16)


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


def _channels(pixels: np.ndarray, size: Size, how: str) -> np.ndarray:
    """Of other channels than three, or wider numbers than uint8.

    Each channel by itself where a library takes no more: Pillow, OpenCV's area of more than four,
    and its `remap`, which rounds positions to 1/32 of a pixel for some numbers of channels.
    """
    one, count = how.startswith("pil_") or how == "tf1_bilinear", pixels.shape[2]
    if not one and (how != "area" or count <= 4):
        found = RESIZES[how](pixels, size)
        return found if found.ndim == 3 else found[..., None]
    each = (np.ascontiguousarray(pixels[..., i]) for i in range(count))
    return np.stack([RESIZES[how](x, size) for x in each], axis=-1)


def resize(pixels: np.ndarray, size: Size, how: str, out: np.ndarray | None = None) -> np.ndarray:
    """`pixels` [h, w, c] resized to `size` by `RESIZES[how]`; the aspect may change.

    They are uint8, uint16 or float32. The result is written to `out`, contiguous, of that size and
    dtype, if it is given; without it, pixels that have the size are returned themselves.
    """
    if pixels.shape[1::-1] == size:
        found = pixels
    elif pixels.shape[2] == 3 and pixels.dtype == np.uint8:
        found = RESIZES[how](pixels, size, out)
    else:
        found = _channels(pixels, size, how)
    if out is None or found is out:
        return found
    out[:] = found
    return out
