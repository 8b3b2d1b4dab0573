"""Tests of inception_jax.data.images.crops."""

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inception_jax.data.images import crops
from inception_jax.data.images.picture import Box, Picture
from inception_jax.data.images.resize import RESIZES, resize
from tests.data.pictures import gradient

SIDES = st.integers(1, 2000)
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)


def inside(box: Box, height: int, width: int) -> bool:
    """Whether a box has pixels and lies in the image."""
    return (
        min(box.y, box.x) >= 0 and min(box.height, box.width) > 0
        and box.y + box.height <= height and box.x + box.width <= width
    )  # fmt: skip


def cut(image: np.ndarray, box: Box, size: int, how: str = "bilinear") -> np.ndarray:
    """`image` in `box`, resized to a square of `size`."""
    return resize(Picture(image).inside(box), (size, size), how)


@given(SIDES, SIDES, st.integers(0, 2**31 - 1))
@example(1, 1, 0)
@example(1, 2000, 0)
@example(2000, 1, 0)
def test_a_box_is_inside(height, width, seed):
    """A crop lies in an image of any shape."""
    rng = np.random.default_rng(seed)
    for box in (crops.inception_box, crops.random_resized_box):
        for _ in range(10):
            assert inside(box(rng, height, width, AREA, ASPECT), height, width)


@settings(max_examples=50)
@given(st.integers(100, 2000), st.floats(0.6, 1.6), st.integers(0, 2**31 - 1))
def test_inception_box_keeps_its_bounds(height, ratio, seed):
    """In an image of ordinary shape, area and aspect stay in their ranges, up to rounding."""
    width = round(height * ratio)
    box = crops.inception_box(np.random.default_rng(seed), height, width, AREA, ASPECT)
    slack = 1 / min(box.height, box.width)  # half a pixel on either side
    share, aspect = box.height * box.width / (height * width), box.width / box.height
    assert AREA[0] * (1 - slack) <= share <= 1
    assert ASPECT[0] * (1 - slack) <= aspect <= ASPECT[1] * (1 + slack)


@pytest.mark.parametrize(
    ("box", "scale"), [(crops.inception_box, np.asarray), (crops.random_resized_box, np.log)]
)
def test_a_box_is_uniform(box, scale):
    """Where no rectangle is rejected, area, aspect (or its logarithm) and position are uniform."""
    rng = np.random.default_rng(0)
    area, aspect, n = (0.1, 0.5), (0.5, 2.0), 4000
    boxes = np.asarray([box(rng, 1000, 1000, area, aspect) for _ in range(n)])
    y, x, height, width = boxes.T
    for values, (low, high) in (
        (height * width / 1e6, area), (scale(width / height), scale(aspect)),
        (y / (1000 - height), (0, 1)), (x / (1000 - width), (0, 1)),
    ):  # fmt: skip
        grid = np.linspace(low, high, 21)
        found = np.searchsorted(np.sort(values), grid) / n
        # Kolmogorov-Smirnov: 2 / sqrt(n) is exceeded with probability 0.0007; the seed is fixed.
        assert np.abs(found - np.linspace(0, 1, 21)).max() < 2 / n**0.5


@given(SIDES, SIDES, st.integers(0, 2**31 - 1))
@example(1, 1, 0)
@example(1, 2000, 0)
@example(2000, 1, 0)
def test_tensorflow_box_is_inside_and_covers_a_tenth(height, width, seed):
    """TensorFlow's crop lies in an image of any shape, within its areas, or is the whole image."""
    box = crops.tensorflow_box(np.random.default_rng(seed), height, width, (0.05, 1.0), ASPECT)
    assert inside(box, height, width)
    assert box.height * box.width >= 0.1 * height * width
    slack = 1 / min(box.height, box.width)
    if box != (0, 0, height, width):
        assert ASPECT[0] * (1 - slack) <= box.width / box.height <= ASPECT[1] * (1 + slack)


def test_tensorflow_box_has_uniform_heights():
    """Height is uniform between those of the areas, so that small areas are more likely."""
    rng, n = np.random.default_rng(0), 4000
    boxes = [crops.tensorflow_box(rng, 1000, 1000, (0.16, 0.64), (1.0, 1.0)) for _ in range(n)]
    height = np.asarray([b.height for b in boxes])
    found = np.searchsorted(np.sort(height), np.linspace(400, 800, 21)) / n
    assert np.abs(found - np.linspace(0, 1, 21)).max() < 2 / n**0.5  # as above
    # A uniform area has 0.40 in the mean; uniform heights give (0.16 + 0.32 + 0.64) / 3.
    assert abs((height**2).mean() / 1e6 - 1.12 / 3) < 0.01


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [(10, 1000, Box(0, 493, 10, 13)), (1000, 10, Box(493, 0, 13, 10)), (1, 1, Box(0, 0, 1, 1))],
)
def test_inception_box_falls_back(height, width, box):
    """When no rectangle fits, the largest central one of an allowed aspect is taken."""
    assert crops.inception_box(np.random.default_rng(0), height, width, (1.0, 1.0), ASPECT) == box


@given(SIDES, SIDES, st.floats(0.01, 1.0), st.booleans())
@example(1, 1, 0.01, True)
def test_central_box_is_central(height, width, share, square):
    """The central crop lies inside and its margins differ by at most a pixel."""
    box = crops.central_box(height, width, share, square)
    assert inside(box, height, width)
    assert 0 <= height - box.height - 2 * box.y <= 1 and 0 <= width - box.width - 2 * box.x <= 1
    assert not square or box.height == box.width


@given(SIDES, SIDES, st.floats(0.1, 1.0))
def test_stretch_keeps_a_share_of_both_sides(height, width, share):
    """TF-slim's central_fraction: each margin is half of what the share leaves, rounded down."""
    box = crops.central_box(height, width, share, square=False)
    assert box.y == int((height - height * share) / 2) and box.height == height - 2 * box.y
    assert box.x == int((width - width * share) / 2) and box.width == width - 2 * box.x


@given(st.integers(32, 2000), st.integers(32, 2000), st.sampled_from([(224, 256), (299, 342)]))
def test_short_side_is_resize_then_centre_crop(height, width, sizes):
    """The square equals `resize the short side to 256, crop the central 224`, to a pixel."""
    size, resized = sizes
    box = crops.central_box(height, width, size / resized, square=True)
    scale = min(height, width) / resized  # of an original pixel to a resized one
    top, left = (height - size * scale) / 2, (width - size * scale) / 2
    assert abs(box.y - top) <= 1 and abs(box.x - left) <= 1
    assert abs(box.height - size * scale) <= 0.5


def test_short_side_gives_the_pixels_of_resize_then_crop():
    """On a smooth photograph-like image both orders give the same picture to two grey levels."""
    image = gradient(300, 400)
    small = cv2.resize(image, (round(400 * 256 / 300), 256))
    left = (small.shape[1] - 224) // 2
    expected = small[16:240, left : left + 224]
    found = cut(image, crops.central_box(300, 400, 0.875, True), 224)
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_cut_of_the_right_size_is_the_identity():
    """Pixels that need no resizing are unchanged, for every interpolation."""
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    for how in RESIZES:
        np.testing.assert_array_equal(cut(image, Box(3, 5, 8, 8), 8, how), image[3:11, 5:13])


@pytest.mark.parametrize("how", RESIZES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (7, 5), (90, 60)])
def test_cut_resizes_any_shape(how, shape):
    """A box of any shape becomes a square of uint8 pixels; a constant picture stays constant."""
    image = np.full((*shape, 3), 77, np.uint8)
    out = cut(image, Box(0, 0, *shape), 16, how)
    assert out.shape == (16, 16, 3) and out.dtype == np.uint8
    np.testing.assert_array_equal(out, 77)


def test_cut_takes_the_box():
    """Rows are y, columns are x: the crop is exactly a bright rectangle."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20, 30:50] = 200
    np.testing.assert_array_equal(cut(image, Box(10, 30, 10, 20), 8), 200)


def test_shifted_moves_by_at_most_pad():
    """Each of the 9 x 9 shifts of a pad of 4 occurs, with a reflected border."""
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="reflect")
    expected = {padded[y : y + 8, x : x + 8].tobytes() for y in range(9) for x in range(9)}
    rng = np.random.default_rng(1)
    assert {crops.shifted(rng, image, 4).tobytes() for _ in range(1500)} == expected
    np.testing.assert_array_equal(crops.shifted(rng, image, 0), image)
