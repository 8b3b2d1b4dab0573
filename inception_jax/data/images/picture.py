"""A stored image of which only the requested region is decoded."""

from typing import NamedTuple

import numpy as np

from inception_jax.data.images import turbojpeg
from inception_jax.data.images.decode import decode
from inception_jax.data.images.turbojpeg import Scratch

Stored = bytes | np.ndarray  # an RGB image's file, or pixels [h, w, c]
MAX_PIXELS = 2**26  # of a decoded box: 200 MB; a larger one is decoded at a half, a quarter, ...
SHRINK = 8  # a JPEG can be decoded at a half, a quarter and an eighth


class Box(NamedTuple):
    """A rectangle of pixels: first row and column, height and width."""

    y: int
    x: int
    height: int
    width: int


class Picture:
    """One stored image: its size is read from the header, its pixels are decoded when needed.

    Raises:
        BadImageError: the header cannot be read.
    """

    def __init__(self, stored: Stored):
        self._data = stored if isinstance(stored, bytes) else b""
        self._pixels = None if isinstance(stored, bytes) else stored
        self.height: int
        self.width: int
        self._header = turbojpeg.header(self._data) if self._pixels is None else None
        if self._header is not None:
            self.height, self.width = self._header.height, self._header.width
        else:
            self.height, self.width = self.whole().shape[:2]

    def whole(self) -> np.ndarray:
        """All pixels [h, w, c], of a file uint8 and RGB; decoded once.

        Raises:
            BadImageError: the image cannot be read.
        """
        if self._pixels is None:
            self._pixels = decode(self._data)
        return self._pixels

    def inside(
        self, box: Box, least: int | None = None, fast_dct: bool = False,
        scratch: Scratch | None = None,
    ) -> np.ndarray:  # fmt: skip
        """The pixels in `box`, [h, w, c]; of a JPEG only these are decoded.

        `least` pixels a side suffice: a box of at least twice as many is decoded at a half, a
        quarter or an eighth, never to fewer. Without it every pixel is decoded, equal to those of
        `whole`, unless the box has more than 2^26. `fast_dct` is `decode`'s, and keeps no pixels.
        If `scratch` is given, the result is valid until its next use.

        Raises:
            BadImageError: the image cannot be read.
        """
        if self._pixels is None and self._header is not None:
            region = _shrunk(box, least)
            part = turbojpeg.decode(self._data, self._header, *region, fast_dct, scratch)
            if part is not None:
                return part
        y, x, height, width = box
        pixels = decode(self._data, True) if fast_dct and self._data else self.whole()
        return pixels[y : y + height, x : x + width]


def _shrunk(box: Box, least: int | None) -> tuple[int, int, int, int, int]:
    """The box in pixels of an image decoded at 1 / n, and n."""
    (y, x, height, width), n = box, 1
    while n < SHRINK and least is not None and min(height, width) >= 2 * n * least:
        n *= 2
    while n < SHRINK and height * width > MAX_PIXELS * n * n:
        n *= 2
    # Rounded inwards, so that the box stays in the image.
    return y // n, x // n, height // n or 1, width // n or 1, n
