"""Tests `inception_jax/data/images/resize.py`: TensorFlow's formula, Pillow's, and sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.data.images import resize as resizes
from inception_jax.data.images.resize import RESIZES, resize

SIDES = st.integers(1, 70)


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def linear(pixels, axis, count):
    """TensorFlow 1's `resize_bilinear` along one axis: pixel i is read at i * scale."""
    last = pixels.shape[axis] - 1
    at = np.arange(count) * ((last + 1) / count)
    low = np.floor(at).astype(int)
    share = np.expand_dims(at - low, tuple(range(1, pixels.ndim - axis)))
    a, b = (np.take(pixels, np.minimum(i, last), axis) for i in (low, low + 1))
    return a + (b - a) * share


def triangle(pixels, axis, count, support, kernel):
    """Pillow's resampling along one axis: the kernel as wide as an output pixel, rounded."""
    length, scale = pixels.shape[axis], pixels.shape[axis] / count
    wide = max(scale, 1.0)
    out = []
    for i in range(count):
        centre = (i + 0.5) * scale
        low = max(0, int(centre - support * wide + 0.5))
        high = min(length, int(centre + support * wide + 0.5))
        weights = kernel((np.arange(low, high) - centre + 0.5) / wide)
        part = np.take(pixels, range(low, high), axis)
        out.append(np.tensordot(weights / weights.sum(), part, (0, axis)))
    return np.clip(np.floor(np.stack(out, axis) + 0.5), 0, 255)


def hat(x):
    return np.maximum(1 - np.abs(x), 0)


def cubic(x, a=-0.5):
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    return np.where(x < 1, near, np.where(x < 2, (((x - 5) * x + 8) * x - 4) * a, 0))


@settings(deadline=None, max_examples=30)
@given(height=SIDES, width=SIDES, tall=SIDES, wide=SIDES)
def test_tensorflow_1s_bilinear(height, width, tall, wide):
    """The formula without half-pixel centres, to half a grey level: up and down, any shape."""
    pixels = noise(height, width)
    want = linear(linear(pixels.astype(float), 0, tall), 1, wide)
    found = resize(pixels, (wide, tall), "tf1_bilinear")
    assert found.shape == (tall, wide, 3) and found.dtype == np.uint8
    assert np.abs(found - want).max() <= 0.51


def test_tensorflow_1s_bilinear_of_sides_above_cv2s_limit(monkeypatch):
    """An image of 60,000 pixels a side is read as a short one is."""
    long = resize(noise(2, 60_000), (9, 5), "tf1_bilinear")
    want = linear(linear(noise(2, 60_000).astype(float), 0, 5), 1, 9)
    assert np.abs(long - want).max() <= 0.51
    monkeypatch.setattr(resizes, "LONGEST_SIDE", 3)
    for count in (1, 5, 90):
        want = linear(linear(noise(40, 50).astype(float), 0, count), 1, count)
        found = resize(noise(40, 50), (count, count), "tf1_bilinear")
        assert np.abs(found - want).max() <= 0.51


@pytest.mark.parametrize(
    ("how", "support", "kernel"), [("pil_bilinear", 1, hat), ("pil_bicubic", 2, cubic)]
)
@pytest.mark.parametrize("shape", [(40, 50, 13, 17), (13, 17, 40, 50), (30, 7, 7, 30)], ids=str)
def test_pillows_average_over_what_they_cover(how, support, kernel, shape):
    """The formula of Pillow's resampling, to one grey level; which axis is first is Pillow's."""
    height, width, tall, wide = shape
    pixels, counts, apart = noise(height, width), (tall, wide), []
    found = resize(pixels, (wide, tall), how)
    for order in ((1, 0), (0, 1)):
        want = pixels.astype(float)
        for axis in order:
            want = triangle(want, axis, counts[axis], support, kernel)
        apart.append(np.abs(found - want).max())
    assert min(apart) <= 1


@pytest.mark.parametrize("how", RESIZES)
def test_the_right_size_is_returned_as_it_is(how):
    """Nothing is copied or changed."""
    pixels = noise(5, 8)
    assert resize(pixels, (8, 5), how) is pixels
    assert resize(pixels[:, 1:7], (3, 4), how).shape == (4, 3, 3)  # a view that is not contiguous


@pytest.mark.parametrize("how", RESIZES)
@pytest.mark.parametrize("shape", [(30, 40), (20, 17)])
def test_the_result_is_written_where_it_shall_be(how, shape):
    """Into a slice of a batch, also of pixels that have the size, or are rows of a larger image."""
    pixels, batch = noise(*shape)[:, 3:], np.zeros((3, 20, 14, 3), np.uint8)
    found = resize(pixels, (14, 20), how, batch[1])
    assert np.shares_memory(found, batch)
    np.testing.assert_array_equal(batch[1], resize(pixels, (14, 20), how))
    assert not batch[0].any() and not batch[2].any()


@pytest.mark.parametrize("how", RESIZES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_channel_is_resized_as_alone(how, dtype):
    """Of 1, 2 and 6 channels and any dtype; the result is written into the given array."""
    rng = np.random.default_rng(0)
    pixels = (rng.random((23, 31, 6)) * 250).astype(dtype)
    close = 1e-2 if dtype == "float32" else 1
    for size in ((9, 12), (40, 30)):
        alone = resize(np.ascontiguousarray(pixels[..., 4:5]), size, how)
        assert alone.shape == (*size[::-1], 1) and alone.dtype == dtype
        for count in (2, 6):
            part = pixels[..., 6 - count :]
            out = np.empty((*size[::-1], count), dtype)
            assert resize(part, size, how, out) is out
            off = out[..., count - 2].astype(float) - alone[..., 0]
            assert np.abs(off).max() <= close


def test_pillow_keeps_16_bits():
    """A constant above 255 stays what it is."""
    pixels = np.full((8, 8, 2), 60_000, np.uint16)
    np.testing.assert_array_equal(resize(pixels, (5, 5), "pil_bicubic"), pixels[:5, :5])
