"""Tests `inception_jax/eval/views.py`: the pixels of views equal plain slices of the image."""

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.data.images.picture import Picture
from inception_jax.data.images.resize import RESIZES
from inception_jax.eval import protocols
from inception_jax.eval.protocols import Protocol, short_side
from inception_jax.eval.views import ViewReader, all_views, centre, fill
from tests.data import pictures


@settings(deadline=None, max_examples=40)
@given(height=st.integers(1, 60), width=st.integers(1, 60), square=st.booleans())
def test_the_config_protocol_is_what_predict_sees(height, width, square):
    """`centre` has the pixels of `config`: slim's or torchvision's with the config's share."""
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    resize = "short_side" if square else "stretch"
    data = pictures.settings(resize=resize, eval_crop=0.7, image_size=9)
    found = np.empty((1, 9, 9, 3), np.uint8)
    views = Protocol("config", 9, 0.7, square).views(height, width)
    fill(Picture(image), views, "bilinear", found)
    assert (found[0] == centre(Picture(image), data)).all()
    other = pictures.settings(resize=resize, eval_crop=0.7, image_size=4, eval_size=9)
    assert (found[0] == centre(Picture(image), other)).all()  # whatever training's size is
    if square:
        big = cv2.resize(image, short_side(height, width, 13)[::-1])
        y, x = (round((side - 9) / 2) for side in big.shape[:2])
        assert (found[0] == big[y : y + 9, x : x + 9]).all()


def plainly(image, name, size):
    """The views of a decoded image from the definitions: slices and a resize."""

    def resized(x, height, width):
        return RESIZES[protocols.RESIZES.get(name, "bilinear")](x, (width, height))

    height, width = image.shape[:2]
    if name == "slim":
        # tf.image.central_crop: bbox_h_start = int((h - h * fraction) / 2), from both ends
        h, w = (n - 2 * int((n - n * 0.875) / 2) for n in (height, width))
        y, x = (height - h) // 2, (width - w) // 2
        return [resized(image[y : y + h, x : x + w], size, size)]

    def with_short_side(s):
        if width >= height:
            return resized(image, s, int(s * width / height))
        return resized(image, int(s * height / width), s)

    if name in ("torchvision", "timm"):
        big = with_short_side((round if name == "torchvision" else int)(size / 0.875))
        y, x = (round((side - size) / 2) for side in big.shape[:2])
        return [big[y : y + size, x : x + size]]
    out = []
    for scale in (256, 288, 320, 352) if name == "144crop" else (256,):
        s = round(scale * size / 224)
        big = with_short_side(s)
        left, top = big.shape[1] - s, big.shape[0] - s
        corners = [(0, 0), (top // 2, left // 2), (top, left)]
        for a, b in corners if name == "144crop" else corners[1:2]:
            square = big[a : a + s, b : b + s]
            m, c = s - size, (s - size) // 2
            five = [(0, 0), (0, m), (m, 0), (m, m), (c, c)]
            crops = [square[i : i + size, j : j + size] for i, j in five]
            crops += [resized(square, size, size)] if name != "10crop" else []
            out += [x for crop in crops for x in (crop, crop[:, ::-1])]
    return out


def compare(data, name, size):
    """Our views of a file against `plainly`, pixel by pixel."""
    pixels = simplejpeg.decode_jpeg(data, colorspace="RGB", fastdct=name == "slim")
    expected = plainly(pixels, name, size)
    picture = Picture(data)
    views = Protocol(name, size).views(picture.height, picture.width)
    found = np.zeros((len(views), size, size, 3), np.uint8)
    fill(picture, views, protocols.RESIZES.get(name, "bilinear"), found)
    counted = [f for f, v in zip(found, views, strict=True) for _ in range(v.times)]
    if len(views) == len(expected):
        assert all((a == b).all() for a, b in zip(found, expected, strict=True))
    assert sorted(x.tobytes() for x in counted) == sorted(x.tobytes() for x in expected)


@pytest.mark.parametrize("name", ["slim", "torchvision", "timm", "10crop", "12crop", "144crop"])
@pytest.mark.parametrize(
    ("height", "width"), [(90, 120), (121, 90), (64, 64), (64, 65), (30, 200)], ids=str
)
def test_pixels_equal_slices_of_a_full_decode(name, height, width):
    """Every view of a JPEG equals the reference, pixel for pixel, as often as it is listed."""
    rng = np.random.default_rng(1)
    noise = cv2.resize(rng.integers(0, 256, (9, 9, 3), np.uint8), (width, height))
    for size in (32, 75):
        compare(pictures.encoded(noise), name, size)


@pytest.mark.parametrize("name", ["mirror", "shift"])
def test_shifts_of_a_small_image(name):
    """As airbench's: reflected by one pixel, of which the first and the last 32 rows, and columns.

    Each is then mirrored, and those that are not shifted count twice.
    """
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="reflect")
    crops = [image, image, padded[:32, :32], padded[2:, 2:]] if name == "shift" else [image]
    expected = [x for crop in crops for x in (crop, crop[:, ::-1])]
    found = all_views(Picture(image), Protocol(name, 32, 1.0))
    assert sorted(x.tobytes() for x in found) == sorted(x.tobytes() for x in expected)
    again = all_views(Picture(image), Protocol(name, 32, 1.0, square=True))
    np.testing.assert_array_equal(found, again)


def test_a_shift_inside_a_large_image():
    """Is of the image's own pixels, not reflected."""
    image = np.random.default_rng(0).integers(0, 256, (40, 44, 3), np.uint8)
    found = all_views(Picture(image), Protocol("shift", 20, 0.5, square=True))
    np.testing.assert_array_equal(found[4], image[9:29, 11:31])
    np.testing.assert_array_equal(found[6], image[11:31, 13:33])


@pytest.mark.data
@pytest.mark.parametrize("name", ["slim", "torchvision", "timm", "12crop", "144crop"])
def test_pixels_of_photographs(real_data, name):
    """The same on photographs, at Inception's sizes."""
    for i, path in enumerate(sorted((real_data / "imagenet").glob("*.JPEG"))[::50]):
        compare(path.read_bytes(), name, (224, 299)[i % 2])


def test_unreadable_images_have_no_weight():
    """Weights sum to 1 for an image, to 0 for an unreadable one and padding; one read each."""
    source = pictures.Pictures(200, bad=frozenset({3}))
    read = ViewReader(source, Protocol("12crop", 6), np.array([5, 3, 7]))
    batch = pictures.read(read, range(4))
    np.testing.assert_allclose(batch["weight"].sum(1), [1, 0, 1, 0], rtol=1e-6)
    assert batch["index"].tolist() == [5, -1, 7, -1]
    assert batch["tried"].tolist() == [5, 3, 7, -1]
    assert batch["label"].tolist() == [1, 0, 1, 0]
    assert source.read == [5, 3, 7]
    assert read.bad.reasons == {"picture 3": "broken"}


def test_a_photograph_is_decoded_once(monkeypatch):
    """144 views ask for the pixels once."""
    calls = []
    original = Picture.inside
    monkeypatch.setattr(Picture, "inside", lambda *a: calls.append(a) or original(*a))
    picture = Picture(pictures.encoded(pictures.gradient(60, 80)))
    views = Protocol("144crop", 16).views(60, 80)
    fill(picture, views, "bilinear", np.zeros((144, 16, 16, 3), np.uint8))
    assert len(calls) == 1


def test_a_view_that_is_listed_twice_weighs_twice():
    """A 5:4 image has 128 views that count once and 8 that count twice, of 144."""
    read = ViewReader(pictures.Pictures(1, size=12), Protocol("144crop", 224), np.arange(1))
    batch = pictures.read(read, range(1))
    weights, counts = np.unique((batch["weight"][0] * 144).round(5), return_counts=True)
    assert (weights.tolist(), counts.tolist()) == ([0, 1, 2], [8, 128, 8])
