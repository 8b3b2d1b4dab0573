"""The format, colours and size of an image file, and whether all of it can be read."""

from typing import NamedTuple

import simplejpeg

from inception_jax.data.images.decode import JPEG, SIGNATURES, decode
from inception_jax.data.sources.listing import FORMATS

COLOURS = {"Gray": " grey", "CMYK": " CMYK", "YCCK": " CMYK"}  # libjpeg-turbo's; others are RGB
PNG_GREY = (0, 4)  # colour types without and with alpha
PIXELS = "pixels"  # the kind of what is stored decoded, or of a file that holds no RGB image


class ImageKind(NamedTuple):
    """`name` is the format, and its colours unless they are RGB of 8 bits: `JPEG`, `JPEG grey`."""

    name: str
    height: int
    width: int


def examine(data: bytes) -> ImageKind:
    """Read a whole file as `decode` does, but a JPEG at an eighth of its size: twice as fast.

    Raises:
        BadImageError: for the same bytes as `decode`.
    """
    if data.startswith(JPEG):
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            simplejpeg.decode_jpeg(data, "GRAY", fastdct=True, min_height=1, min_width=1)
            return ImageKind("JPEG" + COLOURS.get(colours, ""), int(height), int(width))
        except ValueError:
            pass  # `decode` tells harmless damage from the rest
    return of(data, *decode(data).shape[:2])


def of(data: bytes, height: int, width: int) -> ImageKind:
    """The kind of a readable file, whose pixels are known."""
    if data.startswith(JPEG):
        colours = simplejpeg.decode_jpeg_header(data)[2]
        return ImageKind("JPEG" + COLOURS.get(colours, ""), height, width)
    return ImageKind(_format(data), height, width)


def misnamed(kind: str, name: str) -> bool:
    """Whether the suffix of `name` is that of another format than `kind`."""
    expected = None if kind.startswith(PIXELS) else FORMATS.get(name[name.rfind(".") :].lower())
    return expected is not None and expected != kind.split()[0]


def _format(data: bytes) -> str:
    name = next((name for start, name in SIGNATURES.items() if data.startswith(start)), "other")
    if name != "PNG":
        return name
    depth, colour_type = data[24], data[25]  # of the header chunk, which is always the first
    return name + (" 16-bit" if depth == 16 else "") + (" grey" if colour_type in PNG_GREY else "")
