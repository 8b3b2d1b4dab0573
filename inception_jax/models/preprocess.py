"""From uint8 images to a network's input, and from them to its logits."""

from typing import Any

import jax
import jax.numpy as jnp

from inception_jax.data.images import distort
from inception_jax.models.lowering import ops
from inception_jax.models.network import Network

Array = jax.Array


def predict(model: Network, variables: Any, images: Array) -> Array:
    """Logits [b, classes] of uint8 `images` [b, s, s, 3], as evaluation sees them."""
    return model.apply(variables, as_input(images, model), train=False).logits


def as_input(images: Array, model: Network) -> Array:
    """`images` [b, s, s, 3] in 0..255, uint8 or float, to the model's normalised input."""
    return normalised(images.astype(ops.wide(model.dtype)) / 255, model)


def normalised(pixels: Array, model: Network) -> Array:
    """`pixels` [b, s, s, 3] in [0, 1], with the model's constants and its order of colours."""
    p = model.preprocessing
    x = distort.normalise(pixels, p.mean, p.std)
    return jnp.flip(x, -1) if p.channels == "bgr" else x
