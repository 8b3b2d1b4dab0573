"""Flip, colour and normalisation: pure functions of pixels and a key, run inside the step."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

Array = jax.Array

BRIGHTNESS, CONTRAST, SATURATION, HUE = 32 / 255, (0.5, 1.5), (0.5, 1.5), 0.2
# Orders of the four distortions: slim's four, the original code's two, slim's `fast_mode` two.
ORDERS = {
    "slim": ("bshc", "sbch", "chbs", "hscb"),
    "original": ("bshc", "bchs"),
    "fast": ("bs", "sb"),
}


def image_keys(seed: int, step: Array, count: int) -> Array:
    """A key for each image of a step's global batch: keys [count], from (seed, step, position)."""
    key = jax.random.fold_in(jax.random.key(seed), step)
    return jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(count))


def augment(images: Array, keys: Array, *, flip: bool, colour: str) -> Array:
    """Mirrors half of the images and distorts their colours.

    Args:
        images: [b, h, w, 3] in [0, 1].
        keys: [b].
        flip: whether to mirror left and right.
        colour: `none` or a key of `ORDERS`.

    Returns:
        [b, h, w, 3] in [0, 1].
    """

    def one(image: Array, key: Array) -> Array:
        flip_key, colour_key = jax.random.split(key)
        if flip:
            image = jnp.where(jax.random.bernoulli(flip_key), image[:, ::-1], image)
        return image if colour == "none" else distort_colour(image, colour_key, ORDERS[colour])

    return jax.vmap(one)(images, keys)


def normalise(images: Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Array:
    """(x - mean) / std of `images` [b, h, w, 3] in [0, 1]; mean and std on the 0..255 scale."""
    scale = [255 / s for s in std]
    shift = [-m / s for m, s in zip(mean, std, strict=True)]
    return images * jnp.asarray(scale, images.dtype) + jnp.asarray(shift, images.dtype)


def distort_colour(image: Array, key: Array, orders: tuple[str, ...]) -> Array:
    """One of `orders` of brightness, saturation, hue and contrast on `image` [h, w, 3]; clipped."""
    keys = dict(zip("obshc", jax.random.split(key, 5), strict=True))
    ops = {
        "b": partial(_brightness, keys["b"]),
        "s": partial(_saturation, keys["s"]),
        "h": partial(_hue, keys["h"]),
        "c": partial(_contrast, keys["c"]),
    }

    def apply(order: str) -> Callable[[Array], Array]:
        def run(x: Array) -> Array:
            for letter in order:
                x = ops[letter](x)
            return x

        return run

    chosen = jax.random.randint(keys["o"], (), 0, len(orders))
    return jnp.clip(jax.lax.switch(chosen, [apply(o) for o in orders], image), 0, 1)


def _brightness(key: Array, x: Array) -> Array:
    return x + jax.random.uniform(key, (), x.dtype, -BRIGHTNESS, BRIGHTNESS)


def _contrast(key: Array, x: Array) -> Array:
    mean = x.mean(axis=(0, 1), keepdims=True)
    return (x - mean) * jax.random.uniform(key, (), x.dtype, *CONTRAST) + mean


def _saturation(key: Array, x: Array) -> Array:
    h, s, v = _hsv(x)
    return _rgb(h, jnp.clip(s * jax.random.uniform(key, (), x.dtype, *SATURATION), 0, 1), v)


def _hue(key: Array, x: Array) -> Array:
    h, s, v = _hsv(x)
    return _rgb((h + jax.random.uniform(key, (), x.dtype, -HUE, HUE)) % 1.0, s, v)


def _hsv(x: Array) -> tuple[Array, Array, Array]:
    """Hue, saturation and value [h, w], hue in turns."""
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    high, low = x.max(axis=-1), x.min(axis=-1)
    span = high - low
    safe = jnp.where(span > 0, span, 1)
    sector = jnp.where(
        high == r, (g - b) / safe, jnp.where(high == g, 2 + (b - r) / safe, 4 + (r - g) / safe)
    )
    hue = jnp.where(span > 0, sector / 6 % 1.0, 0)
    return hue, jnp.where(high > 0, span / jnp.where(high > 0, high, 1), 0), high


def _rgb(h: Array, s: Array, v: Array) -> Array:
    """Pixels [h, w, 3] of hue, saturation and value."""
    ramp = jnp.abs(h[..., None] * 6 - jnp.asarray([3, 2, 4], h.dtype))
    signed = ramp * jnp.asarray([1, -1, -1], h.dtype) + jnp.asarray([-1, 2, 2], h.dtype)
    return ((jnp.clip(signed, 0, 1) - 1) * s[..., None] + 1) * v[..., None]
