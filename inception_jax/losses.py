"""What training minimises: cross-entropy with label smoothing, auxiliary heads, L2."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from inception_jax.models import Output

Array = jax.Array


def cross_entropy(logits: Array, labels: Array, smoothing: float = 0.0) -> Array:
    """Cross-entropy [b] in nats of `logits` [b, c] with `labels` [b].

    The target is (1 - smoothing) on the label plus smoothing / c on every class (1512.00567,
    section 7).
    """
    targets = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return optax.softmax_cross_entropy(logits, optax.smooth_labels(targets, smoothing))


def l2(params: Any) -> Array:
    """Half the sum of squares of every kernel, in the auxiliary heads too.

    TF-slim's `l2_regularizer` on `weights`: no bias, no beta, no gamma.
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    squares = [jnp.sum(x * x) for path, x in leaves if path[-1].key == "kernel"]
    return 0.5 * jnp.sum(jnp.stack(squares))


def objective(
    output: Output,
    labels: Array,
    params: Any,
    *,
    smoothing: float,
    aux_weight: float,
    weight_of_l2: float,
) -> tuple[Array, dict[str, Array]]:
    """The scalar to minimise and its terms, each a mean over the batch.

    Every auxiliary head counts `aux_weight` times (0.3 in 1409.4842, 0.4 in the released v3).
    """
    main = cross_entropy(output.logits, labels, smoothing).mean()
    terms = {"cross_entropy": main}
    total = main
    for name, logits in output.aux.items():
        terms[f"loss_{name}"] = aux = cross_entropy(logits, labels, smoothing).mean()
        total = total + aux_weight * aux
    if weight_of_l2:
        total = total + weight_of_l2 * l2(params)
    return total, {"loss": total, **terms}
