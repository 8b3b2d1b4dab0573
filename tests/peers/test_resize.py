"""Tests of evaluation's views beside the code that measured the published numbers."""

import contextlib
import io
import math

import numpy as np
import pytest

from inception_jax.data.images.picture import Picture
from inception_jax.eval.protocols import RESIZES, Protocol
from inception_jax.eval.views import fill

with contextlib.suppress(ImportError):  # after TensorFlow it would crash the process
    import timm.data  # noqa: F401

pytestmark = [pytest.mark.peers, pytest.mark.data]


@pytest.fixture(scope="module")
def photos(real_data):
    """Twelve files, among them upright ones and one of 50 by 700 pixels."""
    paths = sorted((real_data / "imagenet").glob("*.JPEG"))[::42]
    return [path.read_bytes() for path in paths]


def ours(data, name, size, share=0.875):
    """The only view of a protocol."""
    picture, out = Picture(data), np.empty((1, size, size, 3), np.uint8)
    protocol = Protocol(name, size, share, interpolation=RESIZES[name])
    fill(picture, protocol.views(picture.height, picture.width), protocol.interpolation, out)
    return out[0].astype(float)


@pytest.mark.parametrize("size", [224, 299])
def test_slim(photos, size):
    """slim's `preprocess_for_eval`, line by line, to one grey level."""
    tf = pytest.importorskip("tensorflow")
    for data in photos:
        pixels = tf.io.decode_jpeg(data, channels=3)
        image = tf.image.convert_image_dtype(pixels, tf.float32)
        image = tf.image.central_crop(image, central_fraction=0.875)[None]
        image = tf.compat.v1.image.resize_bilinear(image, [size, size], align_corners=False)
        apart = np.abs(ours(data, "slim", size) - image[0].numpy() * 255)
        assert apart.max() <= 1 and apart.mean() < 0.3


@pytest.mark.parametrize(("size", "resized"), [(224, 256), (299, 342)])
def test_torchvision(photos, size, resized):
    """torchvision's preset for GoogLeNet and Inception-v3 on Pillow's images: the same pixels."""
    presets = pytest.importorskip("torchvision.transforms._presets")
    from PIL import Image

    preset = presets.ImageClassification(
        crop_size=size, resize_size=resized, mean=(0.0,) * 3, std=(1.0,) * 3
    )
    for data in photos:
        want = preset(Image.open(io.BytesIO(data)).convert("RGB")).numpy() * 255
        assert np.abs(ours(data, "torchvision", size) - want.transpose(1, 2, 0)).max() < 1e-3


@pytest.mark.parametrize("share", [0.875, 0.8975])
def test_timm(photos, share):
    """timm's evaluation transform: bicubic, and the short side rounded down: the same pixels."""
    factory = pytest.importorskip("timm.data.transforms_factory")
    from PIL import Image

    transform = factory.transforms_imagenet_eval(
        299, crop_pct=share, interpolation="bicubic", mean=(0.0,) * 3, std=(1.0,) * 3
    )
    assert transform.transforms[0].size in (math.floor(299 / share), (math.floor(299 / share),) * 2)
    for data in photos:
        want = transform(Image.open(io.BytesIO(data)).convert("RGB")).numpy() * 255
        assert np.abs(ours(data, "timm", 299, share) - want.transpose(1, 2, 0)).max() < 1e-3
