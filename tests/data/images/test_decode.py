"""Tests of inception_jax.data.images.decode."""

import zlib

import numpy as np
import pytest

from inception_jax.data.images.decode import BadImageError, decode
from tests.data.pictures import CMYK, encoded, gradient

IMAGE = gradient()
JPEG, PNG = encoded(IMAGE), encoded(IMAGE, ".png")
SQUARES = {(4, 4): (200, 30, 40), (4, 12): (20, 180, 60), (12, 4): (30, 40, 220),
           (12, 12): (250, 250, 250)}  # fmt: skip


def close(pixels: np.ndarray, expected: np.ndarray, levels: float) -> bool:
    """Whether two pictures differ by at most `levels` in the mean."""
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape
    return np.abs(pixels.astype(int) - expected).mean() <= levels


def test_jpeg_is_rgb():
    """A JPEG decodes to its pixels, red first."""
    assert close(decode(JPEG), IMAGE, 3)
    assert not close(decode(JPEG), IMAGE[..., ::-1], 3)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp"])
def test_lossless_formats_are_exact(suffix):
    """A PNG, a BMP and a lossless WebP decode to exactly their pixels, red first."""
    options = (64, 101) if suffix == ".webp" else ()  # IMWRITE_WEBP_QUALITY above 100: lossless
    np.testing.assert_array_equal(decode(encoded(IMAGE, suffix, *options)), IMAGE)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_grey_is_repeated(suffix):
    """A grey file has three equal channels."""
    pixels = decode(encoded(IMAGE[..., 1], suffix))
    assert close(pixels, IMAGE[..., 1:2].repeat(3, -1), 1)
    assert (pixels == pixels[..., :1]).all()


def test_alpha_is_dropped():
    """The pixels of a PNG with transparency are its colours; alpha is ignored."""
    alpha = np.full((*IMAGE.shape[:2], 1), 7, np.uint8)
    np.testing.assert_array_equal(
        decode(encoded(np.concatenate([IMAGE, alpha], -1), ".png")), IMAGE
    )


def test_sixteen_bits_become_eight():
    """A PNG of 16 bits keeps its upper eight."""
    np.testing.assert_array_equal(decode(encoded(IMAGE.astype(np.uint16) * 257, ".png")), IMAGE)


def test_cmyk_jpeg_has_its_colours():
    """A CMYK JPEG, of which ImageNet has 22, is neither refused nor inverted."""
    pixels = decode(CMYK)
    assert pixels.shape == (16, 16, 3)
    for place, colour in SQUARES.items():
        np.testing.assert_allclose(pixels[place].astype(int), colour, atol=6)


def test_exif_orientation_is_ignored():
    """A JPEG or PNG whose EXIF says `rotate by 90 degrees` decodes as it is stored."""
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\0\0\0\0"
    app1 = b"\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\0\0" + tiff
    chunk = b"eXIf" + tiff
    exif = len(tiff).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    at = PNG.index(b"IDAT") - 4
    for data, rotated in (
        (JPEG, JPEG[:2] + app1 + JPEG[2:]),
        (CMYK, CMYK[:2] + app1 + CMYK[2:]),
        (PNG, PNG[:at] + exif + PNG[at:]),
    ):
        np.testing.assert_array_equal(decode(rotated), decode(data))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7, 0.95, 0.999])
@pytest.mark.parametrize("data", [JPEG, PNG, CMYK], ids=["jpeg", "png", "cmyk"])
def test_truncated_is_refused(data, share):
    """A truncated file is a bad image."""
    with pytest.raises(BadImageError):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "^the file is empty$"),
        (b"<html>404</html>", "not an image: it starts with b'<html>40'"),
        (b"\xff\xd8", "damaged or truncated JPEG"),
        (b"\xff\xd8 what follows is text", "damaged or truncated JPEG"),
        (PNG[:8], "damaged or truncated PNG"),
    ],
    ids=["empty", "text", "marker", "text after marker", "signature"],
)
def test_bytes_that_are_not_an_image(data, says):
    """Refused, with a reason that describes them."""
    with pytest.raises(BadImageError, match=says):
        decode(data)


def test_damage_inside_a_png_is_refused():
    """A flipped byte in a PNG's pixels breaks its checksum."""
    at = PNG.index(b"IDAT") + 20
    with pytest.raises(BadImageError):
        decode(PNG[:at] + bytes([PNG[at] ^ 0xFF]) + PNG[at + 1 :])


def test_bytes_left_over_are_harmless():
    """A JPEG with stray bytes before or after its end marker decodes to the same pixels."""
    for data in (JPEG[:-2] + b"\1" * 20 + JPEG[-2:], JPEG + b"trailer"):
        np.testing.assert_array_equal(decode(data), decode(JPEG))


@pytest.mark.data
def test_photographs_decode_whole_and_never_in_part(real_data):
    """500 photographs of ImageNet decode; none does without its last quarter."""
    files = sorted((real_data / "imagenet").glob("*.JPEG"))
    assert len(files) == 500
    for path in files:
        data = path.read_bytes()
        assert decode(data).shape[-1] == 3
        with pytest.raises(BadImageError):
            decode(data[: len(data) * 3 // 4])
