"""The operations of RandAugment and TrivialAugment on pixels uint8 [h, w, 3], as Pillow has them.

Colours equal Pillow's `ImageOps` and `ImageEnhance` to the bit, and so do rotations and geometry
with `nearest`, for which Pillow itself is called. Shears and translations with `bilinear` and
`bicubic` are sums along one axis here (Pillow takes 1.0 and 2.4 ms for 224 pixels, these 0.3): one
grey level higher than Pillow's in about a thousandth of the values, those whose fraction, which
Pillow cuts off, is within 2^-14 below 1, or is lost in Pillow's rounding of coordinates.

Pillow's `bicubic` has a = -1 (OpenCV's: -0.75), and outside of the image it has `fill`, a grey
level, which is not blended with the edge.
"""

import math
import threading
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

LEVELS = np.arange(256)
LUMA = np.array([[19595, 38470, 7471]], np.float32) / 65536  # Pillow's grey; exact in float32
SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13  # Pillow's
RESAMPLES = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
ROUNDING = np.float32(2**-14)  # above the error of a sum of four levels in float32


def invert(image: np.ndarray, _: float = 0) -> np.ndarray:
    """255 - x."""
    return cv2.bitwise_not(image)


def posterize(image: np.ndarray, bits: float) -> np.ndarray:
    """Keep the upper `bits` bits; with 0 the image is black, which Pillow 13 refuses."""
    return image & np.uint8(256 - (1 << 8 - int(bits)))


def solarize(image: np.ndarray, threshold: float) -> np.ndarray:
    """Invert the levels from `threshold` on."""
    return _mapped(image, np.where(threshold > LEVELS, LEVELS, 255 - LEVELS))


def solarize_add(image: np.ndarray, amount: float) -> np.ndarray:
    """Add `amount` to the levels below 128."""
    return _mapped(image, np.where(LEVELS < 128, np.minimum(LEVELS + int(amount), 255), LEVELS))


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Scale the distance to black."""
    return _mapped(image, _blended(0, LEVELS, factor))


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Scale the distance to the mean grey level of the image."""
    grey = _grey(image)
    mean = int(cv2.sumElems(grey)[0] / grey.size + 0.5)
    return _mapped(image, _blended(mean, LEVELS, factor))


def color(image: np.ndarray, factor: float) -> np.ndarray:
    """Scale the distance to the grey image."""
    return _blended(cv2.cvtColor(_grey(image), cv2.COLOR_GRAY2RGB), image, factor)


def sharpness(image: np.ndarray, factor: float) -> np.ndarray:
    """Scale the distance to the smoothed image, whose border is not smoothed."""
    smooth = cv2.filter2D(image, -1, SMOOTH)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        smooth[edge] = image[edge]
    return _blended(smooth, image, factor)


def autocontrast(image: np.ndarray, _: float = 0) -> np.ndarray:
    """Stretch each channel to the levels 0 to 255."""
    tables = []
    for counts in _histograms(image):
        used = np.flatnonzero(counts)
        low, high = int(used[0]), int(used[-1])
        scale = 255.0 / ((high - low) or 255)
        offset = -low * scale if low < high else 0.0
        tables.append(np.clip((LEVELS * scale + offset).astype(int), 0, 255))
    return _mapped(image, *tables)


def equalize(image: np.ndarray, _: float = 0) -> np.ndarray:
    """Equalize the histogram of each channel."""
    tables = []
    for counts in _histograms(image):
        step = (counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
        below = np.cumsum(counts) - counts
        tables.append(np.minimum((below + step // 2) // step, 255) if step else LEVELS)
    return _mapped(image, *tables)


def shear_x(image: np.ndarray, factor: float, resample: str, fill: int) -> np.ndarray:
    """The pixel at (x, y) is read at (x + factor * y, y), from the upper left corner."""
    if resample == "nearest":
        return _affine(image, (1, factor, 0, 0, 1, 0), fill)
    return _slid(image, factor * (np.arange(len(image)) + 0.5), resample, fill)


def shear_y(image: np.ndarray, factor: float, resample: str, fill: int) -> np.ndarray:
    """The pixel at (x, y) is read at (x, y + factor * x), from the upper left corner."""
    if resample == "nearest":
        return _affine(image, (1, 0, 0, factor, 1, 0), fill)
    return cv2.transpose(shear_x(cv2.transpose(image), factor, resample, fill))


def translate_x(image: np.ndarray, pixels: float, resample: str, fill: int) -> np.ndarray:
    """The pixel at (x, y) is read at (x + pixels, y)."""
    if resample == "nearest":
        return _affine(image, (1, 0, pixels, 0, 1, 0), fill)
    return _slid(image, np.full(len(image), pixels), resample, fill)


def translate_y(image: np.ndarray, pixels: float, resample: str, fill: int) -> np.ndarray:
    """The pixel at (x, y) is read at (x, y + pixels)."""
    if resample == "nearest":
        return _affine(image, (1, 0, 0, 0, 1, pixels), fill)
    return cv2.transpose(translate_x(cv2.transpose(image), pixels, resample, fill))


def rotate(image: np.ndarray, degrees: float, resample: str, fill: int) -> np.ndarray:
    """Rotate counterclockwise about the centre."""
    how = RESAMPLES[resample]
    return np.asarray(Image.fromarray(image).rotate(degrees, how, fillcolor=(fill,) * 3))


COLOURS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    f.__name__: f
    for f in (invert, posterize, solarize, solarize_add, brightness, contrast, color, sharpness,
              autocontrast, equalize)
}  # fmt: skip
GEOMETRY: dict[str, Callable[[np.ndarray, float, str, int], np.ndarray]] = {
    f.__name__: f for f in (shear_x, shear_y, translate_x, translate_y, rotate)
}


def _mapped(image: np.ndarray, *tables: np.ndarray) -> np.ndarray:
    """Each level replaced by that of a table, of all channels or one of each."""
    return cv2.LUT(image, np.stack(tables, -1)[None].astype(np.uint8))


def _blended(low: np.ndarray | int, high: np.ndarray, factor: float) -> np.ndarray:
    """`low + factor * (high - low)`, clipped, its fraction cut off: Pillow's `Image.blend`.

    The product and the sum are rounded to float32 each, as in Pillow on x86.
    """
    found = np.subtract(high, low, out=_floats(*high.shape), dtype=np.float32)
    found *= np.float32(factor)
    found += low
    return _cut(found)


def _cut(levels: np.ndarray) -> np.ndarray:
    """The levels from 0 to 255, uint8, their fractions cut off."""
    return np.clip(levels, 0, 255, out=np.empty(levels.shape, np.uint8), casting="unsafe")


def _grey(image: np.ndarray) -> np.ndarray:
    """Pillow's grey image uint8 [h, w]: a half is rounded up."""
    levels = _floats(*image.shape)
    levels[:] = image
    return (cv2.transform(levels, LUMA) + np.float32(0.5)).astype(np.uint8)


def _histograms(image: np.ndarray) -> list[np.ndarray]:
    """The number of pixels of each level, by channel: int [256] each."""
    return [cv2.calcHist([image], [c], None, [256], [0, 256]).ravel().astype(int) for c in range(3)]


def _affine(image: np.ndarray, matrix: tuple[float, ...], fill: int) -> np.ndarray:
    """The nearest pixel at a linear function of the place, by Pillow."""
    size = image.shape[1::-1]
    found = Image.fromarray(image).transform(
        size, Image.Transform.AFFINE, matrix, fillcolor=(fill,) * 3
    )
    return np.asarray(found)


def _slid(image: np.ndarray, shifts: np.ndarray, resample: str, fill: int) -> np.ndarray:
    """Row y, read `shifts[y]` pixels further right, by weights of two or four pixels."""
    height, width = image.shape[:2]
    whole = np.floor(shifts)
    d = shifts - whole
    if resample == "bilinear":
        weights, left = (1 - d, d), 0
    else:
        weights, left = (-d * (1 - d) ** 2, 1 - (2 - d) * d**2, d + d**2 - d**3, (d - 1) * d**2), 1
    margin = int(np.abs(whole).max()) + 2
    padded = cv2.copyMakeBorder(image, 0, 0, margin, margin, cv2.BORDER_REPLICATE)
    # From the row's first pixel to the last one that it needs.
    start = np.arange(height) * (width + 2 * margin) + margin - left + whole.astype(int)
    row = 3 * (width + len(weights) - 1)
    levels = _runs(padded, row)[3 * start]
    taps = np.ndarray((height, len(weights), 3 * width), np.uint8, levels, 0, (row, 3, 1))
    found = np.einsum(
        "hk,hkn->hn", np.stack(weights, -1).astype(np.float32), taps,
        out=_floats(height, 3 * width), dtype=np.float32, casting="unsafe",
    )  # fmt: skip
    found += ROUNDING
    # The centres of the pixels that are read lie in the image: a run of `width` in every row.
    inside = np.zeros(width + 2 * margin, np.uint8)
    inside[margin : margin + width] = 1
    inside = _runs(inside, width)[margin + np.floor(shifts + 0.5).astype(int)]
    return cv2.copyTo(_cut(found).reshape(image.shape), inside, np.full_like(image, fill))


def _floats(*shape: int) -> np.ndarray:
    """Memory for float32 [shape], until this thread's next call.

    Memory of the system's would cost as much as the arithmetic: glibc returns it after each image.
    """
    size = math.prod(shape)
    if _MEMORY.floats.size < size:
        _MEMORY.floats = np.empty(size, np.float32)
    return _MEMORY.floats[:size].reshape(shape)


class _Memory(threading.local):
    """What a thread keeps."""

    floats = np.empty(0, np.float32)


_MEMORY = _Memory()


def _runs(values: np.ndarray, length: int) -> np.ndarray:
    """The `length` values from each one on, as a view uint8 [n, length] of contiguous `values`."""
    return np.ndarray((values.size - length + 1, length), np.uint8, values, 0, (1, 1))
