"""Tests of inception_jax.data.images.operations beside Pillow."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from inception_jax.data.images import operations
from inception_jax.data.images.operations import COLOURS, GEOMETRY, RESAMPLES
from tests.data.pictures import gradient

FACTORS = (0.1, 0.37, 0.73, 1.0, 1.27, 1.63, 1.9, 1.99)
FILL = 128


def noise(*shape, high=256, seed=0):
    """Random levels: uint8 [*shape, 3]."""
    return np.random.default_rng(seed).integers(0, high, (*shape, 3), np.uint8)


EDGES = {
    "noise": noise(40, 31), "gradient": gradient(), "two levels": noise(17, 30, high=2) * 255,
    "grey": np.full((5, 7, 3), 93, np.uint8), "black": np.zeros((6, 4, 3), np.uint8),
    "white": np.full((4, 6, 3), 255, np.uint8), "a column": noise(40, 1), "a row": noise(1, 40),
    "a pixel": noise(1, 1), "two by two": noise(2, 2), "dark": noise(31, 40, high=4),
}  # fmt: skip


@pytest.fixture(scope="module")
def photographs(real_data):
    """Six photographs at 224 pixels."""
    paths = sorted((real_data / "imagenet").glob("*.JPEG"))[::84]
    return [
        np.asarray(Image.open(p).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
        for p in paths
    ]


def table(image, levels):
    return image.point([levels(i) for i in range(256)] * 3)


def enhance(kind):
    return lambda image, factor: kind(image).enhance(factor)


# Pillow's, and amounts.
EXPECTED = {
    "invert": (lambda image, _: ImageOps.invert(image), (0,)),
    "posterize": (ImageOps.posterize, range(1, 9)),
    "solarize": (ImageOps.solarize, (0, 1, 76.5, 128, 255, 256)),
    "solarize_add": (
        lambda image, add: table(image, lambda i: min(255, i + add) if i < 128 else i),
        (0, 77, 110),
    ),
    "brightness": (enhance(ImageEnhance.Brightness), FACTORS),
    "contrast": (enhance(ImageEnhance.Contrast), FACTORS),
    "color": (enhance(ImageEnhance.Color), FACTORS),
    "sharpness": (enhance(ImageEnhance.Sharpness), FACTORS),
    "autocontrast": (lambda image, _: ImageOps.autocontrast(image), (0,)),
    "equalize": (lambda image, _: ImageOps.equalize(image), (0,)),
}


def affine(matrix):
    def apply(image, amount, resample):
        kind, size = Image.Transform.AFFINE, image.size
        return image.transform(size, kind, matrix(amount), resample, fillcolor=(FILL,) * 3)

    return apply


MOVED = {
    "shear_x": (affine(lambda a: (1, a, 0, 0, 1, 0)), 1.0),
    "shear_y": (affine(lambda a: (1, 0, 0, a, 1, 0)), 1.0),
    "translate_x": (affine(lambda a: (1, 0, a, 0, 1, 0)), 100.0),
    "translate_y": (affine(lambda a: (1, 0, 0, 0, 1, a)), 100.0),
    "rotate": (lambda image, a, how: image.rotate(a, how, fillcolor=(FILL,) * 3), 100.0),
}


def colours_differ(name, images):
    """The number of values in which an operation and Pillow's differ."""
    pillow, amounts = EXPECTED[name]
    total = 0
    for image in images:
        for amount in amounts:
            found, before = COLOURS[name](image, amount), image.copy()
            assert found.dtype == np.uint8 and found.shape == image.shape
            total += int((found != np.asarray(pillow(Image.fromarray(image), amount))).sum())
            np.testing.assert_array_equal(image, before)
    return total


def apart(name, resample, images, amounts):
    """Levels that geometry is above Pillow's, joined over images and amounts."""
    pillow, scale = MOVED[name]
    how = RESAMPLES[resample]
    return np.concatenate([
        np.ravel(
            GEOMETRY[name](image, scale * amount, resample, FILL).astype(int)
            - np.asarray(pillow(Image.fromarray(image), scale * amount, how))
        )
        for image in images for amount in amounts
    ])  # fmt: skip


@pytest.mark.parametrize("name", COLOURS)
def test_colours_are_pillows(name):
    """On noise, constant images and images of one row, column or pixel: every value."""
    assert colours_differ(name, EDGES.values()) == 0


@pytest.mark.data
@pytest.mark.parametrize("name", COLOURS)
def test_colours_of_photographs_are_pillows(name, photographs):
    """Every value."""
    assert colours_differ(name, photographs) == 0


def test_posterizing_to_nothing_is_black():
    """As in Pillow before 13, which refuses it; timm asks for it at its largest magnitude."""
    assert not operations.posterize(EDGES["noise"], 0).any()


@pytest.mark.parametrize("name", GEOMETRY)
def test_the_nearest_pixel_is_pillows(name):
    """Every value, and so is every rotation."""
    amounts = (0.0, 0.21, -0.27, 0.3, 0.99, -0.5)
    for resample in RESAMPLES if name == "rotate" else ("nearest",):
        assert not apart(name, resample, EDGES.values(), amounts).any()


@pytest.mark.parametrize("resample", ["bilinear", "bicubic"])
@pytest.mark.parametrize("name", ["shear_x", "shear_y", "translate_x", "translate_y"])
def test_interpolation_is_pillows(name, resample):
    """To one level above; the edge, which has the fill, is exact."""
    found = apart(name, resample, EDGES.values(), (0.0, 0.2137, -0.2718, 0.0301, 0.4812, -0.9876))
    assert set(np.unique(found)) <= {0, 1} and found.mean() < 0.01


@pytest.mark.data
@pytest.mark.parametrize("resample", ["bilinear", "bicubic"])
@pytest.mark.parametrize("name", ["shear_x", "shear_y", "translate_x", "translate_y"])
def test_interpolation_of_photographs_is_pillows(name, resample, photographs):
    """At most two thousandths of the values are one level above."""
    found = apart(name, resample, photographs, np.random.default_rng(0).uniform(-0.3, 0.3, 2))
    assert set(np.unique(found)) <= {0, 1} and found.mean() < 2e-3


@settings(max_examples=30)
@given(st.integers(0, 255), st.floats(-1, 1), st.sampled_from(["bilinear", "bicubic"]))
def test_a_constant_image_stays(level, factor, resample):
    """The weights' rounding never makes a level one less."""
    found = operations.shear_x(np.full((9, 40, 3), level, np.uint8), factor, resample, level)
    assert (found == level).all()


def test_threads_have_their_own_memory():
    """Two at a time compute what one does."""
    cv2.setNumThreads(0)
    images = [noise(64, 64, seed=i) for i in range(64)]
    work = lambda image: operations.shear_y(  # noqa: E731
        operations.color(image, 0.4), 0.2, "bicubic", FILL
    )
    with ThreadPoolExecutor(4) as pool:
        for found, image in zip(pool.map(work, images), images, strict=True):
            np.testing.assert_array_equal(found, work(image))
