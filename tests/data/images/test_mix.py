"""Tests of inception_jax.data.images.mix; beside timm's: tests/peers/test_augmentation.py."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from inception_jax import config as cfg
from inception_jax.data.images import mix

pytestmark = pytest.mark.usefixtures("quick_compiler")

COUNT, HEIGHT, WIDTH = 64, 9, 7
NUMBERS = np.arange(COUNT, dtype=np.int32)
PAIRS = NUMBERS.reshape(-1, 2)[:, ::-1].reshape(-1)  # 1, 0, 3, 2, ...


def images(count=COUNT):
    """Random pixels in [0, 1]; red is 0 in every other image, so that no pixel is its partner's."""
    x = np.random.default_rng(0).random((count, HEIGHT, WIDTH, 3), np.float32)
    x[::2, ..., 0], x[1::2, ..., 0] = 0, 1
    return x


@functools.cache
def mixed(per, count=COUNT, key=0):
    """Images, mixed with a probability of 0.8 by mixup or CutMix, and their labels: numbers."""
    return jax.device_get(_program(per)(images(count), NUMBERS[:count], jax.random.key(key)))


@functools.cache
def _program(per):
    a = ConfigDict(cfg.augment(mixup=0.4, cutmix=1.0, mix_per=per, mix_probability=0.8))
    return jax.jit(lambda x, y, k: mix.mix(x, y, k, a, jnp.float32))


def test_the_partner_is_the_neighbour():
    """Image 2i and 2i + 1; each is the other's."""
    assert mix.partner(jnp.arange(6)).tolist() == [1, 0, 3, 2, 5, 4]
    np.testing.assert_array_equal(mix.partner(jnp.asarray(images())), images()[PAIRS])


def test_labels_are_those_of_the_pair():
    """Shares are per image or per batch, in [0, 1]."""
    for per, count in (("image", 30), ("batch", 1)):
        _, labels = mixed(per)
        np.testing.assert_array_equal(labels.label, NUMBERS)
        np.testing.assert_array_equal(labels.other, PAIRS)
        assert labels.share.dtype == np.float32 and labels.share.shape == (COUNT,)
        assert labels.share.min() >= 0 and labels.share.max() <= 1
        assert count <= len(set(labels.share.tolist())) <= (COUNT if per == "image" else 1)


def test_each_image_is_blended_or_has_a_box():
    """Mixup: the mean by the share. CutMix: a box is the partner's, of the rest of the share.

    An image that is not mixed is itself, to the bit, and its share is 1.
    """
    found, labels = mixed("image")
    x = images()
    own, other = (found == x).all(-1), (found == x[PAIRS]).all(-1)
    boxed = (own ^ other).all((1, 2))
    alone = own.all((1, 2))
    np.testing.assert_array_equal(labels.share[alone], 1)
    np.testing.assert_allclose(own[boxed].mean((1, 2)), labels.share[boxed], atol=1e-6)
    rows, columns = other[boxed].any(2), other[boxed].any(1)
    np.testing.assert_array_equal(other[boxed], rows[:, :, None] & columns[:, None])
    edges = np.abs(np.diff(np.pad(rows, ((0, 0), (1, 1))).astype(int))).sum(1)
    assert set(edges.tolist()) == {0, 2}  # no row, or neighbours
    share = labels.share[:, None, None, None]
    blended = share * x + (1 - share) * x[PAIRS]
    np.testing.assert_allclose(found[~boxed], blended[~boxed], atol=1e-6)
    counts = (~boxed).sum(), (boxed & ~alone).sum(), alone.sum()
    assert min(counts) > 5, counts  # expected: 26, 26 and 13 of 64


def test_one_draw_for_the_batch():
    """Per batch all images are blended alike, or have the same box; by another key otherwise."""
    kinds, shares = set(), set()
    for key in range(12):
        found, labels = mixed("batch", key=key)
        x = images()
        own, other = (found == x).all(-1), (found == x[PAIRS]).all(-1)
        np.testing.assert_array_equal(own, own[:1].repeat(COUNT, 0))
        kinds.add("alone" if own.all() else "boxed" if (own ^ other).all() else "blended")
        shares.add(float(labels.share[0]))
    assert kinds >= {"boxed", "blended"} and len(shares) > 6


def test_draws_are_of_the_key_and_the_position():
    """The first images of a batch are mixed as in a smaller one; another key mixes otherwise."""
    wide, narrow, other = mixed("image"), mixed("image", 8), mixed("image", 8, key=1)
    np.testing.assert_array_equal(wide[0][:8], narrow[0])
    np.testing.assert_array_equal(wide[1].share[:8], narrow[1].share)
    assert (narrow[1].share != other[1].share).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bytes_are_mixed_as_pixels(dtype, float64):
    """Images of 8 bits become pixels in the dtype of the weights."""
    x = (images() * 255).astype(np.uint8)
    own = jnp.linspace(0, 1, COUNT, dtype=dtype)[:, None, None, None]
    found = mix.blend(jnp.asarray(x), own)
    assert found.dtype == dtype
    pixels = jnp.asarray(x / 255, dtype)
    np.testing.assert_allclose(found, mix.blend(pixels, own), atol=1e-6)
