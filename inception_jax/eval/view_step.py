"""The evaluation step: an image's mean over its views, jitted over the mesh."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from inception_jax.models import Network
from inception_jax.models.layers import unit
from inception_jax.models.lowering import forms
from inception_jax.models.preprocess import predict
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import xla_options

Variables = Mapping[str, Any]  # what `Network.apply` takes: params, batch_stats
Views = Mapping[str, jax.Array]
ViewSums = tuple[jax.Array, jax.Array]

LOWEST = -1e30  # below any log-probability, and finite


def make_view_step(
    model: Network,
    mesh: Mesh,
    images: int,
    columns: np.ndarray | None,
    from_boundary: bool = False,
    activation: str = "softmax",
) -> tuple[Callable[[], ViewSums], Callable[[Variables, ViewSums, Views], ViewSums]]:
    """Means of the softmax over views: `start() -> sums`, `step(variables, sums, views) -> sums`.

    `views` has image [v, s, s, c], weight float32 [v] and owner int32 [v], split over `data`:
    a view adds `weight` times its probabilities to those of image `owner`. The sums are a pair of
    arrays [images, classes], the largest log-probability so far and the mass relative to it, which
    keeps small probabilities exact; `outputs` combines them. Each device holds the sums. `columns`
    are the outputs to use, int [classes]; None for all. With `from_boundary`, `image` has features
    instead of images, see `Network`. With another `activation` than softmax it is the mean of the
    outputs themselves (of a sigmoid its logits), of `unit` at length 1 each.
    """
    classes = num_outputs(model) if columns is None else len(columns)

    def start() -> ViewSums:
        lowest = LOWEST if activation == "softmax" else 0.0
        return jnp.full((images, classes), lowest), jnp.zeros((images, classes))

    def step(variables: Variables, sums: ViewSums, views: Views) -> ViewSums:
        with forms.for_mesh(mesh):
            if from_boundary:
                x = views["image"]
                logits = model.apply(variables, x, train=False, from_boundary=True).logits
            else:
                logits = predict(model, variables, views["image"])
        logits = logits if columns is None else logits[:, columns]
        weight, owner = views["weight"][:, None], views["owner"]
        if activation != "softmax":
            x = logits.astype(jnp.float32)
            x = unit(x) if activation == "unit" else x
            own = jnp.where(weight > 0, weight * x, 0)
            return sums[0], sums[1] + jax.ops.segment_sum(own, owner, images)
        log = jax.nn.log_softmax(logits.astype(jnp.float32))
        log = jnp.where(weight > 0, log, LOWEST)
        top, mass = sums
        new = jnp.maximum(top, jax.ops.segment_max(log, owner, images))
        share = weight * jnp.exp(log - new[owner])
        return new, mass * jnp.exp(top - new) + jax.ops.segment_sum(share, owner, images)

    replicated = partial(jax.jit, out_shardings=(meshes.replicated(mesh),) * 2)
    options = xla_options.evaluation(mesh.devices.flat[0])
    return replicated(start), replicated(step, donate_argnums=1, compiler_options=options)


def num_outputs(model: Network) -> int:
    """The network's outputs: classes, or without any the features."""
    if model.num_classes:
        return model.num_classes
    size = max(32, model.preprocessing.image_size)
    images = jax.ShapeDtypeStruct((1, size, size, model.channels), model.dtype)
    found = jax.eval_shape(model.clone(aux=False).init_with_output, jax.random.key(0), images)
    return found[0].logits.shape[-1]


def outputs(sums: tuple[np.ndarray, np.ndarray], activation: str = "softmax") -> np.ndarray:
    """Logarithms of the mean probabilities [images, classes], or mean outputs, on the host."""
    top, mass = sums
    if activation != "softmax":
        return mass
    with np.errstate(divide="ignore"):  # images without views, which the caller ignores
        return top + np.log(mass)
