"""Tests of inception_jax.data.prepare.contract."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from inception_jax.data.images import turbojpeg
from inception_jax.data.images.decode import BadImageError, decode
from inception_jax.data.prepare.contract import LONGEST_SIDE, Contract, shrunk
from tests.data.pictures import CMYK, encoded, gradient

SMALL = Contract(side=40, quality=90)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((80, 100), (40, 50)), ((100, 80), (50, 40)), ((81, 83), (40, 41)), ((64, 100), (40, 63)),
     ((40, 90), (40, 90)), ((30, 20), (30, 20)), ((400, 41), (390, 40))],
)  # fmt: skip
def test_sizes(size, expected):
    """The short side is 40 at most, the long one rounded to the nearest; nothing is enlarged."""
    assert shrunk(gradient(*size), 40).shape == (*expected, 3)
    assert decode(SMALL.convert(encoded(gradient(*size), ".png"))).shape == (*expected, 3)
    assert shrunk(gradient(*size), 0).shape == (*size, 3)


def test_antialiased():
    """A pattern of single pixels becomes its mean, where reading two pixels a side would alias."""
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::4] = 200
    small = shrunk(stripes, 50)
    assert np.abs(small[:, 4:-4].astype(int) - 50).max() <= 3
    aliased = cv2.resize(stripes, (50, 50), interpolation=cv2.INTER_CUBIC)
    assert np.abs(aliased[:, 4:-4].astype(int) - 50).max() > 30


def test_the_jpeg():
    """Baseline, 4:2:0, optimised tables, without metadata; close to the pixels, always the same."""
    pixels = gradient(60, 100)
    data = SMALL.convert(encoded(pixels, ".png"))
    assert data == SMALL.convert(encoded(pixels, ".png"))
    header = turbojpeg.header(data)
    assert header is not None and header == (40, 67, 2)
    segments = {data[i + 1] for i in _segments(data)}
    assert segments == {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}  # JFIF, tables, baseline frame, scan
    assert np.abs(decode(data).astype(int) - shrunk(pixels, 40)).mean() < 2
    assert len(data) < len(encoded(shrunk(pixels, 40), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90))


def _segments(data: bytes):
    """Positions of the segments of a JPEG, up to its scan."""
    at = 2
    while True:
        yield at
        if data[at + 1] == 0xDA:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def test_orientation_is_ignored():
    """As the decoder ignores EXIF; the stored file has none."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(gradient(60, 80)).save(file, "JPEG", quality=95, exif=exif)
    data = SMALL.convert(file.getvalue())
    assert b"Exif" in file.getvalue() and b"Exif" not in data
    assert decode(data).shape == (40, 53, 3)


@pytest.mark.parametrize(
    "data",
    [CMYK, encoded(gradient()[..., 0], ".png"), encoded(gradient()[..., 0]),
     encoded(gradient().astype(np.uint16) * 257, ".png")],
    ids=["cmyk", "grey png", "grey jpeg", "16 bits"],
)  # fmt: skip
def test_other_colours(data):
    """RGB of 8 bits, as the decoder gives."""
    pixels = decode(data)
    np.testing.assert_array_equal(Contract(raw=True).convert(data), pixels)
    small = decode(Contract(quality=95).convert(data))
    assert small.shape == pixels.shape and np.abs(small.astype(int) - pixels).mean() < 8


def test_raw():
    """The pixels of the decoder, one after another in memory."""
    data = encoded(gradient(60, 80))
    stored = Contract(side=40, raw=True).convert(data)
    np.testing.assert_array_equal(stored, shrunk(decode(data), 40))
    assert stored.flags.c_contiguous


def test_what_a_jpeg_cannot_have():
    """The file of an image that is too long; an unreadable one is refused by every contract."""
    long = encoded(np.zeros((1, LONGEST_SIDE + 1, 3), np.uint8), ".png")
    assert SMALL.convert(long) == long
    for contract in (SMALL, Contract(), Contract(raw=True)):
        with pytest.raises(BadImageError):
            contract.convert(b"\xff\xd8 torn")


def test_json():
    """The flags, the versions where they decide the bytes, and a text."""
    found = SMALL.json()
    assert (found["side"], found["quality"], found["raw"]) == (40, 90, False)
    assert set(found["versions"]) >= {"opencv-python-headless", "pillow", "simplejpeg"}
    assert "at most 40 pixels" in found["text"] and "quality 90" in found["text"]
    assert Contract().json()["versions"] == {}
