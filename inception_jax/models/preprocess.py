"""From images to a network's input and to its logits."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from inception_jax.data.images import distort
from inception_jax.models import checks
from inception_jax.models.lowering import ops
from inception_jax.models.network import Network


def predict(
    model: Network, variables: Mapping[str, Any], images: Num[Array | np.ndarray, "b s s c"]
) -> Float[Array, "b classes"]:
    """Logits of `images`, in evaluation mode."""
    return model.apply(variables, as_input(images, model), train=False).logits


def as_input(images: Num[Array | np.ndarray, "b s s c"], model: Network) -> Float[Array, "b s s c"]:
    """The model's normalised input of `images` as they are stored: RGB in 0..255, uint8 or float.

    Raises:
        ValueError: they are no batch of images of its channels; the message says how to make them
            one.
    """
    checks.images(images, model.channels, normalised=False)
    return normalised(jnp.asarray(images).astype(ops.wide(model.dtype)) / 255, model)


def normalised(pixels: Float[Array, "b s s c"], model: Network) -> Float[Array, "b s s c"]:
    """`pixels` over 255 (8 bits in [0, 1]), with the model's constants and its order of colours."""
    p = model.preprocessing
    x = distort.normalise(pixels, p.mean, p.std)
    return jnp.flip(x, -1) if p.channels == "bgr" else x


def pixels(x: Float[Array, "b s s c"], model: Network) -> Float[Array, "b s s c"]:
    """The pixels of which `x` is `normalised`."""
    p = model.preprocessing
    x = jnp.flip(x, -1) if p.channels == "bgr" else x
    return (x * jnp.asarray(p.std, x.dtype) + jnp.asarray(p.mean, x.dtype)) / 255


def converted(
    x: Float[Array, "b s s c"], model: Network, other: Network
) -> Float[Array, "b s s c"]:
    """The normalised input `x` of `model` as that of `other`; the same array if that is equal."""
    p, q = model.preprocessing, other.preprocessing
    same = (p.mean, p.std, p.channels) == (q.mean, q.std, q.channels)
    return x if same else normalised(pixels(x, model), other)
