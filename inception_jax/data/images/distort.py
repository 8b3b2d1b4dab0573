"""Flip, colour distortion and normalisation on the device: pure functions of pixels and a key."""

from functools import partial

import jax
import jax.numpy as jnp

Array = jax.Array

BRIGHTNESS, CONTRAST = (-32 / 255, 32 / 255), (0.5, 1.5)
SATURATION, HUE = (0.5, 1.5), (-0.2, 0.2)
# Orders of the distortions: slim's four, the original code's two, and the one of `fast_mode` in
# tensorflow/tpu (models/experimental/inception/inception_preprocessing.py at 4596fda) and in slim's
# later code; slim's at tensorflow/models 001a5ed is "bs" once and "sb" three times in four. Each is
# a part of the shortest sequence that contains all, with fewest hues and saturations.
ORDERS = {
    "slim": ("bs..h..c.", ".sbch....", "...chbs..", "....h.scb"),
    "original": ("b.shc", "bcsh."),
    "fast": ("bs",),
}


# Folded into a key in place of a step (FLIPS) or of a position in the batch (MIX, ERASE): the
# largest uint32s, which no run reaches as a step or a position.
FLIPS, MIX, ERASE = 2**32 - 1, 2**32 - 1, 2**32 - 2


def step_key(seed: int, step: Array | int, kind: int) -> Array:
    """The key of what a step draws for its whole batch; `kind` is MIX or ERASE."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), step), kind)


def image_keys(seed: int, step: Array | int, count: int) -> Array:
    """One key per image of a step's global batch, from (seed, step, position): keys [count]."""
    key = jax.random.fold_in(jax.random.key(seed), step)
    return jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(count))


def augment(images: Array, keys: Array, *, flip: bool, colour: str) -> Array:
    """Mirror half of the images [b, h, w, c] if `flip`, and distort their colours; keys [b].

    `colour` is `none` or a key of `ORDERS`, for RGB pixels, which are and stay in [0, 1].
    """

    def one(image: Array, key: Array) -> Array:
        flip_key, colour_key = jax.random.split(key)
        if flip:
            image = jnp.where(jax.random.bernoulli(flip_key), image[:, ::-1], image)
        return image if colour == "none" else distort_colour(image, colour_key, colour)

    return jax.vmap(one)(images, keys)


def alternate(images: Array, seed: int, index: Array, epoch: Array) -> Array:
    """Mirror an example in every other epoch, at random in the first: `index` and `epoch` int [b].

    Its two forms are seen equally often, which random flips reach only on average
    (arXiv:2404.00498, section 3.6; `airbench94.py` of KellerJordan/cifar10-airbench).
    """
    key = jax.random.fold_in(jax.random.key(seed), FLIPS)
    first = jax.vmap(lambda i: jax.random.bernoulli(jax.random.fold_in(key, i)))(index)
    mirrored = first ^ (epoch % 2 == 1)
    return jnp.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def normalise(images: Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Array:
    """(x - mean) / std for `images` [b, h, w, c], which are x / 255: 8 bits in [0, 1]."""
    scale = [255 / s for s in std]
    shift = [-m / s for m, s in zip(mean, std, strict=True)]
    return images * jnp.asarray(scale, images.dtype) + jnp.asarray(shift, images.dtype)


def distort_colour(image: Array, key: Array, orders: str) -> Array:
    """Distort brightness, saturation, hue and contrast of `image` [h, w, 3], and clip to [0, 1].

    The order is one of `ORDERS[orders]`, at random; the other steps of the sequence are masked. A
    `switch`, which under `vmap` computes every order, does twice the work.
    """
    order, *keys = jax.random.split(key, 5)
    ranges = dict(zip("bshc", (BRIGHTNESS, SATURATION, HUE, CONTRAST), strict=True))
    amounts = {
        letter: jax.random.uniform(k, (), image.dtype, *ranges[letter])
        for letter, k in zip(ranges, keys, strict=True)
    }
    chosen = jax.random.randint(order, (), 0, len(ORDERS[orders]))
    steps = jnp.asarray([[step != "." for step in o] for o in ORDERS[orders]])[chosen]
    sequence = map(max, zip(*ORDERS[orders], strict=True))  # "." is below all letters
    for active, letter in zip(steps, sequence, strict=True):
        image = jnp.where(active, OPS[letter](image, amounts[letter]), image)
    return jnp.clip(image, 0, 1)


def brightness(x: Array, delta: Array) -> Array:
    """Add `delta`. This and the next three follow TensorFlow and do not clip."""
    return x + delta


def contrast(x: Array, factor: Array) -> Array:
    """Scale the distance of `x` [h, w, 3] from the mean of each channel."""
    mean = x.mean(axis=(0, 1), keepdims=True)
    return (x - mean) * factor + mean


def saturation(x: Array, factor: Array) -> Array:
    """Scale HSV's saturation, which stays in [0, 1].

    The distance of a channel to the largest is proportional to it, so the hue is not needed.
    """
    value = x.max(axis=-1, keepdims=True)
    span = value - x.min(axis=-1, keepdims=True)
    # The saturation is span / value, and 0 where value is 0.
    scale = jnp.minimum(factor, value / jnp.where(span > 0, span, 1))
    return value - (value - x) * jnp.where(value > 0, scale, 0)


def hue(x: Array, turns: Array) -> Array:
    """Rotate HSV's hue by a number of turns."""
    h, s, v = _hsv(x)
    return _rgb((h + turns) % 1.0, s, v)


OPS = {"b": brightness, "s": saturation, "h": hue, "c": contrast}


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
