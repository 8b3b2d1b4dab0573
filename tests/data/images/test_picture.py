"""Tests of inception_jax.data.images.picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.data.images import decode as decoding
from inception_jax.data.images.decode import BadImageError, decode
from inception_jax.data.images.picture import Box, Picture
from tests.data.images.jpegs import NOISE, boxes, jpeg
from tests.data.pictures import encoded, gradient

pytestmark = pytest.mark.usefixtures("turbojpeg_library")


@pytest.fixture
def never_whole(monkeypatch):
    """A whole image must not be decoded."""

    def refuse(data):
        raise AssertionError("the whole image was decoded")

    monkeypatch.setattr("inception_jax.data.images.picture.decode", refuse)


@settings(max_examples=60, deadline=None)
@given(boxes(), st.integers(1, 60))
def test_a_shrunk_box_is_large_enough_and_in_its_place(box, least):
    """A box larger than `least` is decoded smaller, not below `least`, and not shifted."""
    smooth = gradient(*NOISE.shape[:2])
    found = Picture(jpeg(smooth, "444")).inside(box, least)
    assert min(found.shape[:2]) >= min(least, box.height, box.width)
    shrink = max(1, round(box.height / found.shape[0]), round(box.width / found.shape[1]))
    if min(box.height, box.width) >= 2 * least:
        assert found.shape[0] <= box.height / 2 and found.shape[1] <= box.width / 2
    y, x, h, w = box
    wanted = smooth[y : y + h, x : x + w].mean(axis=(0, 1))
    # The gradient has 2.2 and 3.5 levels a pixel; a box is moved by less than the shrink.
    np.testing.assert_allclose(found.mean(axis=(0, 1)), wanted, atol=4 + 3.5 * shrink)


@pytest.mark.usefixtures("never_whole")
def test_the_size_is_known_without_decoding():
    """Only the header of a JPEG is read, and only the region decoded."""
    picture = Picture(jpeg(NOISE))
    assert (picture.height, picture.width) == NOISE.shape[:2]
    assert picture.inside(Box(1, 2, 30, 40)).shape == (30, 40, 3)


def test_the_whole_is_decoded_once(monkeypatch):
    """Further boxes of a picture that was decoded whole are views of it."""
    calls = []
    monkeypatch.setattr(
        "inception_jax.data.images.picture.decode", lambda data: calls.append(1) or decode(data)
    )
    picture = Picture(jpeg(NOISE))
    whole = picture.whole()
    assert np.shares_memory(picture.inside(Box(3, 4, 5, 6)), whole) and len(calls) == 1


def test_pixels_are_a_picture_too():
    """Pixels of a source are cropped without a copy."""
    picture = Picture(NOISE)
    assert (picture.height, picture.width) == NOISE.shape[:2]
    assert np.shares_memory(picture.inside(Box(3, 4, 5, 6), least=1), NOISE)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp"])
def test_other_formats_are_decoded_whole(suffix):
    """A PNG named JPEG has no region decoder, and the same pixels."""
    options = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    picture = Picture(encoded(NOISE, suffix, *options))
    np.testing.assert_array_equal(picture.inside(Box(3, 4, 50, 60), least=8), NOISE[3:53, 4:64])


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_truncated_jpeg_is_bad_in_every_region(share):
    """Refused even where its first rows suffice, so that every run refuses it."""
    data = jpeg(gradient(400, 400))
    with pytest.raises(BadImageError):
        Picture(data[: int(len(data) * share)]).inside(Box(0, 0, 8, 8))


def test_damage_inside_the_region_is_refused():
    """Invalid codes are refused by the decoder of regions and of whole images."""
    data = jpeg(gradient(400, 400))
    at = data.rindex(b"\xff\xda") + 200
    torn = data[:at] + b"\xff\xc4" + b"\0" * 300 + data[at + 302 :]
    with pytest.raises(BadImageError):
        Picture(torn).inside(Box(0, 0, 400, 400))


def test_one_pixel():
    """An image of one pixel, in two formats."""
    for suffix in (".jpg", ".png"):
        picture = Picture(encoded(NOISE[:1, :1], suffix))
        assert (picture.height, picture.width) == (1, 1)
        assert picture.inside(Box(0, 0, 1, 1), least=299).shape == (1, 1, 3)


def test_two_hundred_megapixels_cost_a_few_megabytes():
    """Of a JPEG of 20,000 x 10,000 the training crop is decoded at an eighth."""
    data = encoded(np.full((10_000, 20_000), 99, np.uint8))
    picture = Picture(data)
    found = picture.inside(Box(0, 0, 10_000, 20_000), least=299)
    assert found.shape == (1250, 2500, 3) and (found == 99).all()
    # Evaluation, which reads every pixel, decodes at a half: 150 MB, not 600.
    assert picture.inside(Box(0, 0, 10_000, 20_000)).shape == (5000, 10_000, 3)


def test_a_huge_png_is_refused_before_it_is_decoded():
    """A format that is always decoded whole has a limit, which the message names."""
    data = bytearray(encoded(NOISE, ".png"))
    data[16:24] = (20_000).to_bytes(4, "big") + (10_000).to_bytes(4, "big")
    with pytest.raises(BadImageError, match=r"20000x10000 pixels .* JPEG"):
        Picture(bytes(data))
    assert decoding.MAX_PIXELS < 200_000_000


@pytest.mark.data
def test_photographs_have_equal_regions(real_data):
    """A region of 500 photographs equals that of the whole image."""
    rng = np.random.default_rng(0)
    for path in sorted((real_data / "imagenet").glob("*.JPEG")):
        data = path.read_bytes()
        whole = decode(data)
        height, width = whole.shape[:2]
        h, w = rng.integers(1, height + 1), rng.integers(1, width + 1)
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        found = Picture(data).inside(Box(*map(int, (y, x, h, w))))
        np.testing.assert_array_equal(found, whole[y : y + h, x : x + w])
