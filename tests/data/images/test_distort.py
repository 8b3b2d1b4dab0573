"""Tests of inception_jax.data.images.distort."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from inception_jax.data.images import distort

pytestmark = pytest.mark.usefixtures("quick_compiler")

augment = jax.jit(distort.augment, static_argnames=("flip", "colour"))

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def pixels(count: int, size: int = 6, seed: int = 0) -> np.ndarray:
    """Random images in [0, 1], some pixels of them grey or black."""
    x = np.random.default_rng(seed).random((count, size, size, 3), np.float32)
    x[:, 0, 0] = 0.5
    x[:, 1, 1] = 0
    return x


def by_pixel(x: np.ndarray, change) -> np.ndarray:
    """`change` of (hue, saturation, value), one pixel of [h, w, 3] at a time, by colorsys."""
    rows = x.reshape(-1, 3).tolist()
    return np.asarray(
        [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*p))) for p in rows]
    ).reshape(x.shape)


REFERENCE = {
    "b": lambda x, d: x + d,
    "c": lambda x, f: (x - x.mean((0, 1))) * f + x.mean((0, 1)),
    "s": lambda x, f: by_pixel(x, lambda h, s, v: (h, min(max(s * f, 0), 1), v)),
    "h": lambda x, d: by_pixel(x, lambda h, s, v: ((h + d) % 1, s, v)),
}


@pytest.mark.parametrize(
    ("op", "amount"),
    [(op, a) for op, amounts in {
        "b": (-0.125, 0.1), "c": (0.5, 1.0, 1.5), "s": (0.5, 1.0, 1.5), "h": (-0.2, 0.0, 0.13, 0.2),
    }.items() for a in amounts],
)  # fmt: skip
def test_each_distortion_is_its_definition(op, amount):
    """Brightness, contrast, saturation and hue equal NumPy's and colorsys's."""
    x = pixels(1)[0]
    found = jax.jit(distort.OPS[op])(jnp.asarray(x), jnp.float32(amount))
    np.testing.assert_allclose(found, REFERENCE[op](x.astype(np.float64), amount), atol=2e-6)


@pytest.mark.parametrize("colour", ["slim", "original", "fast"])
def test_a_distortion_is_one_of_its_orders(colour):
    """An image equals the result of one order with the same amounts; every order occurs."""
    orders = distort.ORDERS[colour]
    other = [] if colour != "fast" else ["sb"]  # of older code
    images, keys = pixels(24, size=3), distort.image_keys(0, 0, 24)
    images[1:] = images[0]
    found = augment(jnp.asarray(images), keys, flip=False, colour=colour)
    met = set()
    for i in range(24):
        colour_key = jax.random.split(keys[i])[1]
        names = ("b", "s", "h", "c")
        limits = (distort.BRIGHTNESS, distort.SATURATION, distort.HUE, distort.CONTRAST)
        drawn = {
            name: float(jax.random.uniform(key, (), jnp.float32, *limit))
            for name, key, limit in zip(
                names, jax.random.split(colour_key, 5)[1:], limits, strict=True
            )
        }
        fits = []
        for order in (*orders, *other):
            x = images[i].astype(np.float64)
            for op in order.replace(".", ""):
                x = TF[op](x, drawn[op])
            fits.append(np.abs(np.clip(x, 0, 1) - found[i]).max() < 1e-5)
        assert any(fits)
        named = zip((*orders, *other), fits, strict=True)
        met |= {order for order, fit in named if fit and sum(fits) == 1}
    assert met == set(orders)


def tf_saturation(x: np.ndarray, factor: float) -> np.ndarray:
    """TensorFlow's rule also for values outside [0, 1], which colorsys's hue does not accept."""
    high, low = x.max(-1, keepdims=True), x.min(-1, keepdims=True)
    share = np.where(high > 0, (high - low) / np.where(high > 0, high, 1), 0)
    new = np.clip(share * factor, 0, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = high - (high - x) * np.where(share > 0, new / share, 0)
    return np.where(high > 0, scaled, high)


def tf_hue(x: np.ndarray, turns: float) -> np.ndarray:
    """A turn keeps the largest and smallest channel, as in TensorFlow's kernel."""
    high, low = x.max(-1, keepdims=True), x.min(-1, keepdims=True)
    span = np.where(high > low, high - low, 1)
    turned = by_pixel((x - low) / span, lambda h, s, v: ((h + turns) % 1, s, v))
    return np.where(high > 0, turned * (high - low) + low, high)


TF = {**REFERENCE, "s": tf_saturation, "h": tf_hue}


def test_orders_are_those_of_the_sources():
    """Four orders of slim, two of the original code, one of the fast mode; their amounts."""
    found = {k: [order.replace(".", "") for order in v] for k, v in distort.ORDERS.items()}
    assert found == {
        "slim": ["bshc", "sbch", "chbs", "hscb"], "original": ["bshc", "bcsh"],
        "fast": ["bs"],
    }  # fmt: skip
    assert distort.OPS.keys() == set("bshc")
    assert distort.BRIGHTNESS == (-32 / 255, 32 / 255) and distort.HUE == (-0.2, 0.2)
    assert distort.SATURATION == distort.CONTRAST == (0.5, 1.5)


@pytest.mark.parametrize("colour", ["slim", "original", "fast"])
def test_colours_stay_in_range_and_vary(colour):
    """Distorted pixels are in [0, 1], of black, white and noise alike, and differ by image."""
    images = pixels(40)
    images[0], images[1] = 0, 1
    images[2:] = images[2]
    found = np.asarray(
        augment(jnp.asarray(images), distort.image_keys(1, 5, 40), flip=False, colour=colour)
    )
    assert found.min() >= 0 and found.max() <= 1 and found.dtype == np.float32
    assert len({x.tobytes() for x in found[2:]}) == 38


def test_amounts_fill_their_ranges():
    """The brightness drawn for grey images is uniform in +-32/255."""
    grey = jnp.full((2000, 1, 1, 3), 0.5)
    found = augment(grey, distort.image_keys(0, 0, 2000), flip=False, colour="fast")
    shift = np.asarray(found)[:, 0, 0, 0] - 0.5
    grid = np.linspace(-32 / 255, 32 / 255, 21)
    share = np.searchsorted(np.sort(shift), grid) / 2000
    assert np.abs(share - np.linspace(0, 1, 21)).max() < 2 / 2000**0.5  # Kolmogorov-Smirnov


def test_flip_mirrors_about_half():
    """Each image is unchanged or mirrored left to right; of 2,000 about half are mirrored."""
    images = np.random.default_rng(0).random((2000, 2, 3, 3), np.float32)
    keys = distort.image_keys(0, 3, 2000)
    found = np.asarray(augment(jnp.asarray(images), keys, flip=True, colour="none"))
    same = (found == images).all((1, 2, 3))
    mirrored = (found == images[:, :, ::-1]).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert 900 < mirrored.sum() < 1100  # 4.5 standard deviations are 100


def test_none_leaves_pixels_alone():
    """Without flip and colour augment is the identity."""
    images = pixels(8)
    found = augment(jnp.asarray(images), distort.image_keys(0, 0, 8), flip=False, colour="none")
    np.testing.assert_array_equal(found, images)


def test_keys_are_of_seed_step_and_position():
    """Keys depend on seed, step and position, not on the batch size."""

    def data(*numbers):
        return [
            tuple(k) for k in np.asarray(jax.random.key_data(distort.image_keys(*numbers))).tolist()
        ]

    assert data(0, 7, 32)[:8] == data(0, 7, 8) == data(0, np.int32(7), 8)
    every = [k for seed in (0, 1) for step in range(5) for k in data(seed, step, 16)]
    assert len(set(every)) == len(every)


def test_an_image_does_not_depend_on_its_neighbours():
    """Image i is distorted the same in a batch of 16 and of 4."""
    images = jnp.asarray(pixels(16))
    wide = augment(images, distort.image_keys(0, 2, 16), flip=True, colour="slim")
    narrow = augment(images[:4], distort.image_keys(0, 2, 4), flip=True, colour="slim")
    np.testing.assert_allclose(wide[:4], narrow, atol=1e-6)


def test_the_number_of_devices_does_not_matter():
    """On eight devices images are distorted as on one."""
    images = pixels(16)

    def step(x):
        return augment(x, distort.image_keys(0, 2, 16), flip=True, colour="fast")

    found = []
    for count in (1, 8):
        mesh = Mesh(np.asarray(jax.devices()[:count]), "data")
        split = NamedSharding(mesh, PartitionSpec("data"))
        found.append(np.asarray(jax.jit(step)(jax.device_put(images, split))))
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normalise(dtype, float64):
    """(255 x - mean) / std of each channel, in the dtype of the images."""
    images = pixels(2).astype(dtype)
    found = distort.normalise(jnp.asarray(images), MEAN, STD)
    assert found.dtype == dtype
    expected = (255 * images.astype(np.float64) - MEAN) / STD
    np.testing.assert_allclose(found, expected, atol=1e-12 if dtype == "float64" else 2e-6)


def test_double_precision_agrees(float64):
    """In float64 the distortions are those of float32 with the same amounts, to its precision."""
    x = pixels(1)[0]
    for name, op in distort.OPS.items():
        double = jax.jit(op)(jnp.asarray(x, jnp.float64), jnp.float64(0.125))
        assert double.dtype == jnp.float64
        np.testing.assert_allclose(double, REFERENCE[name](x.astype(np.float64), 0.125), atol=1e-12)
    keys = distort.image_keys(0, 0, 4)
    images = jnp.asarray(pixels(4), jnp.float64)
    found = augment(images, keys, flip=True, colour="fast")
    assert found.dtype == jnp.float64 and found.min() >= 0 and found.max() <= 1


def test_strict_promotion_is_on():
    """In these tests mixing dtypes is an error."""
    with pytest.raises(Exception, match="strict"):
        jnp.ones(1, jnp.float32) + jnp.ones(1, jnp.int32)


def test_orders_share_one_sequence():
    """At each step all orders have the same distortion, or none."""
    for orders in distort.ORDERS.values():
        for step in zip(*orders, strict=True):
            assert len(set(step) - {"."}) == 1
