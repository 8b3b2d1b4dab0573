"""What an image file is: its format, its colours, its size, and whether all of it can be read."""

from typing import NamedTuple

import simplejpeg

from inception_jax.data.images.decode import JPEG, SIGNATURES, decode

SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WebP"}
COLOURS = {"Gray": " grey", "CMYK": " CMYK", "YCCK": " CMYK"}  # libjpeg-turbo's; others are RGB
PNG_GREY = (0, 4)  # colour types without and with alpha


class ImageKind(NamedTuple):
    """`name` is a format with what is unusual about its colours: `JPEG`, `JPEG grey`, `PNG`."""

    name: str
    height: int
    width: int


def examine(data: bytes) -> ImageKind:
    """Reads a whole file, as `decode` would, but a JPEG at an eighth of its size: twice as fast.

    Raises:
        BadImageError: exactly where `decode` raises it.
    """
    if data.startswith(JPEG):
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            simplejpeg.decode_jpeg(data, "GRAY", fastdct=True, min_height=1, min_width=1)
            return ImageKind("JPEG" + COLOURS.get(colours, ""), int(height), int(width))
        except ValueError:
            pass  # `decode` knows which of these are harmless, and how to call the others
    height, width, _ = decode(data).shape
    return ImageKind(_format(data), height, width)


def misnamed(kind: str, name: str) -> bool:
    """Whether a file's name ends as another format's does."""
    expected = SUFFIXES.get(name[name.rfind(".") :].lower())
    return expected is not None and expected != kind.split()[0]


def _format(data: bytes) -> str:
    name = next((name for start, name in SIGNATURES.items() if data.startswith(start)), "other")
    if name != "PNG":
        return name
    depth, colour_type = data[24], data[25]  # of the header chunk, which is always the first
    return name + (" 16-bit" if depth == 16 else "") + (" grey" if colour_type in PNG_GREY else "")
