"""Losses of embeddings: batch-hard triplets, and softmax with a margin between the classes."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from inception_jax.models.layers import unit

TINY = 1e-12  # below which a squared distance has no gradient


def hardest(
    features: Float[Array, "b d"], labels: Int[Array, " b"]
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """Distance of each unit embedding to the farthest of its class and the nearest of another.

    Infinite to the other where all of a batch are of one class.
    """
    x = unit(features)
    squared = 2 - 2 * x @ x.T
    distance = jnp.sqrt(jnp.maximum(squared, TINY))
    same = labels[:, None] == labels[None]
    return (
        jnp.where(same, distance, 0).max(axis=1),
        jnp.where(same, jnp.inf, distance).min(axis=1),
    )


def triplet(
    features: Float[Array, "b d"], labels: Int[Array, " b"], margin: float
) -> Float[Array, " b"]:
    """Batch-hard triplet loss of each image as anchor (1703.07737, equation 5), on unit embeddings.

    With margin 0 the soft margin: log(1 + exp(positive - negative)).
    """
    positive, negative = hardest(features, labels)
    apart = positive - negative
    return jax.nn.relu(margin + apart) if margin else jax.nn.softplus(apart)


def cosface(
    cosines: Float[Array, "b c"], labels: Int[Array, " b"], margin: float, scale: float
) -> Float[Array, " b"]:
    """Cross-entropy of s (cos - m) for the label and s cos for others (1801.09414, equation 4)."""
    own = jax.nn.one_hot(labels, cosines.shape[-1], dtype=cosines.dtype)
    logits = scale * (cosines - margin * own)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def arcface(
    cosines: Float[Array, "b c"], labels: Int[Array, " b"], margin: float, scale: float
) -> Float[Array, " b"]:
    """Cross-entropy of s cos(angle + m) for the label and s cos for others (1801.07698, eq. 3).

    Where angle + m is above pi, cos(angle) - m sin(m) instead, as in the authors' code: it goes on
    falling.
    """
    sine = jnp.sqrt(jnp.maximum(1 - jnp.square(cosines), TINY))
    moved = cosines * jnp.cos(margin) - sine * jnp.sin(margin)
    moved = jnp.where(cosines > -jnp.cos(margin), moved, cosines - margin * jnp.sin(margin))
    own = jax.nn.one_hot(labels, cosines.shape[-1], dtype=bool)
    logits = scale * jnp.where(own, moved, cosines)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
