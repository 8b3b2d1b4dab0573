"""Mixup (arXiv:1710.09412) and CutMix (arXiv:1905.04899) on the device, as timm's `Mixup` draws.

Image i is mixed with image i ^ 1 of the global batch: in the training order both are random, the
copies of a repeated example have different partners (`data/order.py`), and neighbours are on one
device. timm takes the image at the same distance from the end of a process's batch, and draws of
`mix_per=batch` are one for each process there, one for the global batch here.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num, PRNGKeyArray

from inception_jax.config import sections

Bounds = Int[Array, " n"]


class MixedLabels(NamedTuple):
    """The labels of mixed images: `share` of each image is of `label`, the rest of `other`."""

    label: Num[Array, "b ..."]
    other: Num[Array, "b ..."]
    share: Float[Array, " b"]


def mix(
    images: Num[Array, "b h w c"],
    labels: Num[Array, "b ..."],
    key: PRNGKeyArray,
    augment: sections.Augment,
    dtype: Any,
) -> tuple[Float[Array, "b h w c"], MixedLabels]:
    """Mix each image with its neighbour, by draws per batch or per image: pixels in `dtype`.

    Both are linear in the pixels, so that it may be done before normalisation as well as after.
    """
    count, height, width, _ = images.shape
    draws = count if augment.mix_per == "image" else 1
    share_key, box_key = jax.random.split(key)
    share, cut = shares(share_key, draws, augment)
    own = share[:, None, None]
    if augment.cutmix:
        box = boxes(box_key, share, height, width)
        top, bottom, left, right = box
        area = ((bottom - top) * (right - left)).astype(share.dtype)
        share = jnp.where(cut, 1 - area / (height * width), share)
        outside = (~inside(*box, height, width)).astype(share.dtype)
        own = jnp.where(cut[:, None, None], outside, own)
    mixed = blend(images, own[..., None].astype(dtype))
    share = jnp.broadcast_to(share, (count,))
    return mixed, MixedLabels(labels, partner(labels), share)


def partner(x: Num[Array, "b ..."]) -> Num[Array, "b ..."]:
    """Row i ^ 1 of `x` at row i; `b` is even."""
    return x.reshape(-1, 2, *x.shape[1:])[:, ::-1].reshape(x.shape)


def shared(x: Float[Array, " b"], share: Float[Array, " b"]) -> Float[Array, " b"]:
    """`share` of each image's own number, and the rest of its partner's."""
    return share * x + (1 - share) * partner(x)


def pixels(images: Num[Array, "b h w c"], dtype: Any) -> Float[Array, "b h w c"]:
    """Whole numbers over 255, those of 8 bits in [0, 1]; floats themselves."""
    return images.astype(dtype) / 255 if jnp.issubdtype(images.dtype, jnp.integer) else images


def blend(images: Num[Array, "b h w c"], own: Float[Array, "n _ _ 1"]) -> Float[Array, "b h w c"]:
    """`own` of each pixel, in [0, 1], and the rest of its partner's; n is b, or 1 for all."""
    # Without the barrier XLA moves the partners after it has made floats of their 8 bits.
    others = pixels(jax.lax.optimization_barrier(partner(images)), own.dtype)
    return pixels(images, own.dtype) * own + others * (1 - own)


def shares(
    key: PRNGKeyArray, count: int, augment: sections.Augment
) -> tuple[Float[Array, " n"], Bool[Array, " n"]]:
    """Each image's share of the mixture, 1 where it is not mixed, and whether CutMix does it."""
    mixup_key, cutmix_key, switch_key, use_key = jax.random.split(key, 4)
    alphas = [(mixup_key, augment.mixup), (cutmix_key, augment.cutmix)]
    drawn = [jax.random.beta(k, a, a, (count,), jnp.float32) for k, a in alphas if a]
    cut = jnp.full(count, not augment.mixup)
    if len(drawn) == 2:
        cut = jax.random.bernoulli(switch_key, augment.switch_probability, (count,))
        drawn = [jnp.where(cut, drawn[1], drawn[0])]
    use = jax.random.bernoulli(use_key, augment.mix_probability, (count,))
    return jnp.where(use, drawn[0], 1.0), cut


def boxes(
    key: PRNGKeyArray, share: Float[Array, " n"], height: int, width: int
) -> tuple[Bounds, Bounds, Bounds, Bounds]:
    """CutMix's boxes, as top, bottom, left and right, the second and fourth exclusive.

    Of 1 - `share` of the image's area, in its shape, about a uniform centre; clipped to the image.
    """
    bounds = []
    for one, side in zip(jax.random.split(key), (height, width), strict=True):
        length = (side * jnp.sqrt(1 - share)).astype(jnp.int32)
        centre = jax.random.randint(one, share.shape, 0, side, jnp.int32)
        bounds += [centre - length // 2, centre + (length + 1) // 2]
        bounds[-2:] = [jnp.clip(x, 0, side) for x in bounds[-2:]]
    top, bottom, left, right = bounds
    return top, bottom, left, right


def inside(
    top: Bounds, bottom: Bounds, left: Bounds, right: Bounds, height: int, width: int
) -> Bool[Array, "n h w"]:
    """Which pixels are in the box of each image."""

    def along(low: Bounds, high: Bounds, side: int) -> Bool[Array, "n side"]:
        places = jnp.arange(side, dtype=low.dtype)[None]
        return (places >= low[:, None]) & (places < high[:, None])

    rows, columns = along(top, bottom, height), along(left, right, width)
    return rows[:, :, None] & columns[:, None]
