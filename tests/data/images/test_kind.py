"""Tests of inception_jax.data.images.kind: formats, colours, and the same verdict as `decode`."""

import random
import struct
import zlib

import numpy as np
import pytest

from inception_jax.data.images.decode import BadImageError, decode
from inception_jax.data.images.kind import ImageKind, examine, misnamed
from tests.data.pictures import CMYK, encoded, gradient

GREY = gradient(20, 30)[..., 0]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded(gradient(20, 30)), ("JPEG", 20, 30)),
        (encoded(GREY), ("JPEG grey", 20, 30)),
        (encoded(gradient(1, 1)), ("JPEG", 1, 1)),
        (encoded(gradient(20, 30), ".png"), ("PNG", 20, 30)),
        (encoded(GREY, ".png"), ("PNG grey", 20, 30)),
        (encoded(gradient(20, 30).astype(np.uint16) * 257, ".png"), ("PNG 16-bit", 20, 30)),
        (encoded(gradient(20, 30), ".bmp"), ("BMP", 20, 30)),
        (encoded(gradient(20, 30), ".webp"), ("WebP", 20, 30)),
        (encoded(gradient(20, 30), ".ppm"), ("other", 20, 30)),
    ],
)
def test_formats(data, kind):
    """Format, unusual colours, height and width."""
    assert examine(data) == ImageKind(*kind)


def test_cmyk():
    """A JPEG for printers, of which ImageNet has 22."""
    assert examine(CMYK) == ImageKind("JPEG CMYK", 16, 16)


def verdict(read, data: bytes) -> str:
    try:
        read(data)
    except BadImageError as e:
        return str(e)
    return ""


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_the_verdict_is_that_of_decode(suffix):
    """Truncated or with a flipped bit anywhere: bad or readable, as for `decode`."""
    rng, verdicts = random.Random(1), set()
    data = encoded(np.random.default_rng(2).integers(0, 255, (40, 50, 3), np.uint8), suffix)
    for _ in range(150):
        at = rng.randrange(len(data))
        flipped = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        for damaged in (data[:at], flipped, data + b"left over"):
            found = verdict(examine, damaged)
            assert found == verdict(decode, damaged)
            verdicts.add(bool(found))
    assert verdicts == {True, False}


def test_a_jpeg_with_stray_bytes():
    """Readable, as for `decode`."""
    data = encoded(gradient())
    assert examine(data[:-2] + b"\0" * 40 + data[-2:]) == ImageKind("JPEG", 24, 32)


def test_a_huge_png_header():
    """A header of 60,000 x 60,000 pixels without pixels is bad, without allocating them."""
    header = struct.pack(">II5B", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = (
        struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    with pytest.raises(BadImageError):
        examine(b"\x89PNG\r\n\x1a\n" + chunk)


@pytest.mark.parametrize(
    ("kind", "name", "odd"),
    [("JPEG grey", "a.jpg", False), ("JPEG", "a.JPEG", False), ("PNG", "n02_2933.JPEG", True),
     ("JPEG", "a.b.png", True), ("PNG", "set/train/7", False), ("pixels", "digits/7", False)],
)  # fmt: skip
def test_misnamed(kind, name, odd):
    """By the suffix; a name without one is never misnamed."""
    assert misnamed(kind, name) == odd
