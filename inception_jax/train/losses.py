"""The training objective: losses of classes, labels and values; mixed labels, heads, L2."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from inception_jax.data.images.mix import MixedLabels
from inception_jax.eval.metrics import rank
from inception_jax.models import Output
from inception_jax.models.lowering import parameters
from inception_jax.train import margins

# Classes, or targets: 0 and 1 for each class, or standardised values.
Labels = Int[Array, " b"] | Float[Array, "b c"] | MixedLabels


def targets(
    logits: Float[Array, "b c"], labels: Labels, smoothing: float = 0.0
) -> Float[Array, "b c"]:
    """(1 - smoothing) on the label plus smoothing / c on every class (1512.00567, section 7).

    Of mixed labels the mean, weighted by their shares: timm's `mixup_target`. Targets of each class
    stay as they are.
    """
    if isinstance(labels, MixedLabels):
        share = labels.share[:, None].astype(logits.dtype)
        one, other = (targets(logits, x, smoothing) for x in (labels.label, labels.other))
        return share * one + (1 - share) * other
    if labels.ndim == 2:
        return labels.astype(logits.dtype)
    one_hot = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return optax.smooth_labels(one_hot, smoothing)


def cross_entropy(
    logits: Float[Array, "b c"], labels: Labels, smoothing: float = 0.0
) -> Float[Array, " b"]:
    """Cross-entropy in nats of `logits` with the `targets` of `labels`."""
    return optax.softmax_cross_entropy(logits, targets(logits, labels, smoothing))


def binary_cross_entropy(
    logits: Float[Array, "b c"], labels: Labels, smoothing: float = 0.0, threshold: float = 0.0
) -> Float[Array, " b"]:
    """The mean over classes of each one's own cross-entropy with its target, by a sigmoid.

    With a `threshold` targets above it become 1 and all others 0. As timm's `BinaryCrossEntropy`,
    for which 2110.00476 takes a threshold of 0.2.
    """
    wanted = targets(logits, labels, smoothing)
    if threshold:
        wanted = (wanted > threshold).astype(logits.dtype)
    return optax.sigmoid_binary_cross_entropy(logits, wanted).mean(axis=-1)


def squared_error(values: Float[Array, "b t"], labels: Labels) -> Float[Array, " b"]:
    """The squared error, a mean over the targets."""
    return jnp.square(values - targets(values, labels)).mean(axis=-1)


def absolute_error(values: Float[Array, "b t"], labels: Labels) -> Float[Array, " b"]:
    """The absolute error, a mean over the targets."""
    return jnp.abs(values - targets(values, labels)).mean(axis=-1)


def huber(values: Float[Array, "b t"], labels: Labels, delta: float = 1.0) -> Float[Array, " b"]:
    """Half the squared error up to `delta`, linear beyond it (Huber, 1964); a mean over targets."""
    return optax.huber_loss(values, targets(values, labels), delta=delta).mean(axis=-1)


def running(name: str, outputs: Float[Array, "b c"], labels: Labels) -> dict[str, Float[Array, ""]]:
    """The metrics of a batch in training, besides its loss; each is a mean over images.

    `nll` is the loss as an evaluation has it: without smoothing, weights, auxiliary heads and L2.

    `accuracy` of labels is the share of images and classes that are predicted right, by halves of
    mixed ones too; `r2` of standardised values is one minus their squared error; `top1` of triplets
    is the share of anchors to which the farthest of their class is nearer than any other.
    """
    if name in ("squared_error", "absolute_error", "huber"):
        return {"r2": 1 - squared_error(outputs, labels).mean()}
    if name == "triplet":
        assert not isinstance(labels, MixedLabels)
        positive, negative = margins.hardest(outputs, labels)
        return {"top1": (positive < negative).astype(outputs.dtype).mean()}
    if name == "binary_cross_entropy" and jax.tree.leaves(labels)[0].ndim == 2:
        wanted = targets(outputs, labels) >= 0.5
        nll = binary_cross_entropy(outputs, labels).mean()
        return {"nll": nll, "accuracy": ((outputs >= 0) == wanted).astype(outputs.dtype).mean()}
    if name in ("cosface", "arcface"):
        return hits(outputs, labels)
    return {"nll": cross_entropy(outputs, labels).mean(), **hits(outputs, labels)}


def hits(logits: Float[Array, "b c"], labels: Labels) -> dict[str, Float[Array, ""]]:
    """Top-1 and top-5: the share of images whose label is first, or among the first five.

    An image with mixed labels counts each by its share.
    """
    if isinstance(labels, MixedLabels):
        places = [rank(logits, x) for x in (labels.label, labels.other)]
        weights = labels.share, 1 - labels.share

        def among(first: int) -> Float[Array, ""]:
            one, other = (jnp.where(p < first, w, 0) for w, p in zip(weights, places, strict=True))
            return (one + other).mean()

        return {"top1": among(1), "top5": among(5)}
    place = rank(logits, labels)
    return {"top1": (place < 1).mean(), "top5": (place < 5).mean()}


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
    labels: Labels,
    params: Mapping[str, Any],
    *,
    smoothing: float,
    aux_weight: float,
    weight_of_l2: float,
    name: str = "cross_entropy",
    threshold: float = 0.0,
    delta: float = 1.0,
    margin: float = 0.0,
    scale: float = 1.0,
    l2_biases: bool = False,
    without_l2: Collection[str] = (),
    teacher: Float[Array, "b c"] | None = None,
    weight: Float[Array, " b"] | None = None,
    teacher_weight: float = 0.0,
    temperature: float = 1.0,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The scalar to minimise, and its terms and the `running` metrics, each a mean over the batch.

    `name` is that of the loss, also of auxiliary heads, each of which counts `aux_weight` times
    (0.3 in 1409.4842, 0.4 in the released v3). With the logits of a `teacher`, `distillation` is
    `teacher_weight` of the main term, and the labels the rest. `weight` is a factor on each image's
    loss; the mean is over the images, not the weights, so that it does not depend on the devices.
    """

    def mean(x: Float[Array, " b"]) -> Float[Array, ""]:
        return (x if weight is None else x * weight.astype(x.dtype)).mean()

    loss = {
        "cross_entropy": partial(cross_entropy, smoothing=smoothing),
        "binary_cross_entropy": partial(
            binary_cross_entropy, smoothing=smoothing, threshold=threshold
        ),
        "squared_error": squared_error,
        "absolute_error": absolute_error,
        "huber": partial(huber, delta=delta),
        "triplet": partial(margins.triplet, margin=margin),
        "cosface": partial(margins.cosface, margin=margin, scale=scale),
        "arcface": partial(margins.arcface, margin=margin, scale=scale),
    }[name]
    main = mean(loss(output.logits, labels))
    terms = {name: main}
    total = main
    if teacher is not None:
        terms["distillation"] = soft = mean(distillation(output.logits, teacher, temperature))
        total = (1 - teacher_weight) * main + teacher_weight * soft
    for head, logits in output.aux.items():
        terms[f"loss_{head}"] = aux = mean(loss(logits, labels))
        total = total + aux_weight * aux
    if weight_of_l2:
        total = total + weight_of_l2 * l2(params, l2_biases, without_l2)
    return total, {"loss": total, **terms, **running(name, output.logits, labels)}
