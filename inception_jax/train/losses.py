"""The training objective: cross-entropy with label smoothing, auxiliary heads, L2."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from inception_jax.models import Output
from inception_jax.models.lowering import parameters


def cross_entropy(
    logits: Float[Array, "b c"], labels: Int[Array, " b"], smoothing: float = 0.0
) -> Float[Array, " b"]:
    """Cross-entropy in nats of `logits` with `labels`.

    The target is (1 - smoothing) on the label plus smoothing / c on every class (1512.00567,
    section 7).
    """
    targets = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return optax.softmax_cross_entropy(logits, optax.smooth_labels(targets, smoothing))


def distillation(
    logits: Float[Array, "b c"], teacher: Float[Array, "b c"], temperature: float
) -> Float[Array, " b"]:
    """T^2 KL(teacher || student) in nats of the softmaxes at temperature T (1503.02531, section 2).

    With T^2 its gradient keeps its size at any temperature.
    """
    student = jax.nn.log_softmax(logits / temperature)
    target = jax.nn.log_softmax(teacher.astype(logits.dtype) / temperature)
    return temperature**2 * (jnp.exp(target) * (target - student)).sum(axis=-1)


def l2(
    params: Mapping[str, Any], biases: bool = False, without: Collection[str] = ()
) -> Float[Array, ""]:
    """Half the sum of squares of every kernel, in the auxiliary heads too, but for some rows'.

    TF-slim's `l2_regularizer` on `weights`, and on the `biases` of the same layers where its
    network has a `biases_regularizer`; never BatchNorm's beta or gamma.
    """
    rows = {name: row for name, row in params.items() if name not in without}
    return 0.5 * parameters.sum_of_squares(list(_regularised(rows, biases)))


def _regularised(params: Mapping[str, Any], biases: bool) -> Iterator[Array]:
    if "kernel" in params:
        yield params["kernel"]
        if biases and "bias" in params:
            yield params["bias"]
    for below in params.values():
        if isinstance(below, Mapping):
            yield from _regularised(below, biases)


def objective(
    output: Output,
    labels: Int[Array, " b"],
    params: Mapping[str, Any],
    *,
    smoothing: float,
    aux_weight: float,
    weight_of_l2: float,
    l2_biases: bool = False,
    without_l2: Collection[str] = (),
    teacher: Float[Array, "b c"] | None = None,
    teacher_weight: float = 0.0,
    temperature: float = 1.0,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The scalar to minimise and its terms, each a mean over the batch.

    Every auxiliary head counts `aux_weight` times (0.3 in 1409.4842, 0.4 in the released v3). With
    the logits of a `teacher`, `distillation` is `teacher_weight` of the main term, and the labels
    the rest.
    """
    main = cross_entropy(output.logits, labels, smoothing).mean()
    terms = {"cross_entropy": main}
    total = main
    if teacher is not None:
        terms["distillation"] = soft = distillation(output.logits, teacher, temperature).mean()
        total = (1 - teacher_weight) * main + teacher_weight * soft
    for name, logits in output.aux.items():
        terms[f"loss_{name}"] = aux = cross_entropy(logits, labels, smoothing).mean()
        total = total + aux_weight * aux
    if weight_of_l2:
        total = total + weight_of_l2 * l2(params, l2_biases, without_l2)
    return total, {"loss": total, **terms}
