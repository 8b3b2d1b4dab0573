"""Tests `inception_jax/data/images/channels.py`: arrays, pages, grey files; what is refused."""

import io

import cv2
import numpy as np
import pytest

from inception_jax.data.images import channels
from inception_jax.data.images.decode import BadImageError


def noise(*shape, dtype=np.uint8):
    rng = np.random.default_rng(0)
    return (rng.random(shape) * (255 if dtype == np.uint8 else 60_000)).astype(dtype)


def npy(array):
    """The bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def tiff(pages):
    """The bytes of a TIFF with these pages."""
    return cv2.imencodemulti(".tiff", pages)[1].tobytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_arrays_and_pages(dtype):
    """A .npy file in either byte order, with or without an axis of channels; a TIFF's pages."""
    image = noise(5, 7, 6, dtype=dtype)
    for data in (npy(image), npy(image.astype(image.dtype.newbyteorder(">"))),
                 tiff([np.ascontiguousarray(image[..., i]) for i in range(6)])):  # fmt: skip
        found = channels.checked(channels.array(data), 6, np.dtype(dtype).name)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, image)
    np.testing.assert_array_equal(channels.array(npy(image[..., 0])), image[..., :1])


NAN = np.full((4, 4, 2), np.nan, np.float32)
REFUSED = [
    (npy(noise(4, 4, 2))[:-9], "damaged .npy"),
    (npy(np.array([object()])), "damaged .npy"),
    (npy(noise(4)), r"\[h, w, c\] or \[h, w\], got shape \(4,\)"),
    (tiff([noise(9, 9)] * 2)[:100], "TIFF|libtiff|damaged"),
    (tiff([noise(4, 4, 3)]), "expected grey images of one size and dtype, got 4x4x3 uint8"),
    (tiff([noise(4, 4), noise(4, 5)]), "got 4x4 uint8, 4x5 uint8"),
    (b"\x89PNG\r\n", r"expected a .npy or TIFF file"),
    (npy(noise(4, 4, 3)), "expected 2 channels, got 3, or set data.channels"),
    (npy(noise(2, 4, 4)), "channels first: store"),
    (npy(noise(4, 4, 2).astype(np.float64)), "expected float32, got float64"),
    (npy(NAN), "32 numbers are NaN or infinite"),
]


@pytest.mark.parametrize(("data", "says"), REFUSED, ids=[says[:30] for _, says in REFUSED])
def test_what_is_refused(data, says):
    """Damage, other shapes, channels and dtypes, and NaN: each with its reason."""
    dtype = "uint8" if "channels" in says else "float32"
    with pytest.raises(BadImageError, match=says):
        channels.checked(channels.array(data), 2, dtype)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_grey_files(suffix):
    """One channel, as it is stored; of colours with three equal channels it is one of them."""
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    own = cv2.imencode(suffix, image)[1].tobytes()
    found = channels.grey(own)
    assert found.shape == (8, 8, 1) and np.abs(found[..., 0].astype(int) - image).max() <= 2
    if suffix != ".jpg":
        coloured = cv2.imencode(suffix, np.repeat(image[..., None], 3, 2))[1].tobytes()
        np.testing.assert_array_equal(channels.grey(coloured)[..., 0], image)


def test_grey_of_16_bits_is_not_cut():
    """A PNG of 16 bits keeps them, and is refused where 8 are expected."""
    image = noise(4, 4, dtype=np.uint16)
    found = channels.grey(cv2.imencode(".png", image)[1].tobytes())
    np.testing.assert_array_equal(found[..., 0], image)
    with pytest.raises(BadImageError, match=r"expected uint8, got uint16.*data\.dtype"):
        channels.checked(found, 1, "uint8")


def test_shown():
    """RGB is itself, one or two channels their mean, of more the first three; wide ones scaled."""
    image = noise(3, 3, 6)
    np.testing.assert_array_equal(channels.shown(image[..., :3]), image[..., :3])
    np.testing.assert_array_equal(channels.shown(image), image[..., :3])
    np.testing.assert_array_equal(channels.shown(image[..., :1]), image[..., [0, 0, 0]])
    wide = np.array([[[-2.0], [0.0], [2.0]]], np.float32)
    np.testing.assert_array_equal(channels.shown(wide)[0, :, 0], [0, 128, 255])
    assert channels.shown(np.full((2, 2, 4), 7, np.uint16)).max() == 0
