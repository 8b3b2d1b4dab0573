"""Random erasing (arXiv:1708.04896) on the device, as timm's `RandomErasing` draws."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from inception_jax.data.images.mix import inside

AREA = (0.02, 1 / 3)  # share of the image
ASPECT = (0.3, 1 / 0.3)  # height by width; its logarithm is uniform
ATTEMPTS = 10  # boxes that are tried until one fits into the image


def erase(
    images: Float[Array, "b h w c"], key: PRNGKeyArray, probability: float, fill: str
) -> Float[Array, "b h w c"]:
    """Replace a box of each normalised image with `probability`.

    `fill` is `const`, 0, the mean of all images; `rand`, a normal colour for each box; or `pixel`,
    normal noise.
    """
    count, height, width, channels = images.shape
    use_key, box_key, fill_key = jax.random.split(key, 3)
    box, fits = boxes(box_key, count, height, width)
    erased = fits & jax.random.bernoulli(use_key, probability, (count,))
    where = inside(*box, height, width) & erased[:, None, None]
    shape = {"const": None, "rand": (count, 1, 1, channels), "pixel": images.shape}[fill]
    filling = jax.random.normal(fill_key, shape, images.dtype) if shape else 0.0
    return jnp.where(where[..., None], filling, images)


def boxes(
    key: PRNGKeyArray, count: int, height: int, width: int
) -> tuple[tuple[Int[Array, " n"], ...], Bool[Array, " n"]]:
    """Top, bottom, left and right of each image's box, and whether an attempt gave one that fits.

    One fits if it is smaller than the image along both axes.
    """
    keys = jax.random.split(key, 4)
    tries = (count, ATTEMPTS)
    area = height * width * jax.random.uniform(keys[0], tries, jnp.float32, *AREA)
    low, high = map(math.log, ASPECT)
    aspect = jnp.exp(jax.random.uniform(keys[1], tries, jnp.float32, low, high))
    tall = jnp.round(jnp.sqrt(area * aspect)).astype(jnp.int32)
    wide = jnp.round(jnp.sqrt(area / aspect)).astype(jnp.int32)
    fits = (tall < height) & (wide < width)
    first = jnp.argmax(fits, axis=1)[:, None]
    bounds = []
    for one, lengths, side in ((keys[2], tall, height), (keys[3], wide, width)):
        length = jnp.take_along_axis(lengths, first, axis=1)[:, 0]
        low = jax.random.randint(one, (count,), 0, jnp.maximum(side - length, 0) + 1)
        bounds += [low, low + length]
    return tuple(bounds), fits.any(axis=1)
