"""Grad-CAM (arXiv:1610.02391) and Grad-CAM++ (arXiv:1710.11063) at any row of a network."""

from typing import Any, NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from inception_jax.explain import program, rows
from inception_jax.explain.program import Variables
from inception_jax.models import probes
from inception_jax.models.lowering import ops
from inception_jax.models.network import Network

EPSILON = 1e-6  # in Grad-CAM++'s denominator, as in pytorch-grad-cam


class RowGradient(NamedTuple):
    """A row's output for one image, and the logit's gradient by it: both [h, w, c]."""

    activations: np.ndarray
    gradients: np.ndarray


def grad_cam(
    model: Network, variables: Variables, image: ArrayLike, class_index: int, row: str | None = None
) -> np.ndarray:
    """Grad-CAM: where a row's output raises the logit of a class.

    The channels are added with weights, each the mean of the logit's gradient over the grid; what
    is negative is cut off.

    Args:
        model: any network with a classifier, folded or not.
        variables: its variables.
        image: the network's normalised input, [s, s, 3] or [1, s, s, 3].
        class_index: the output to explain.
        row: name of a row of the network; None takes the last one with a grid.

    Returns:
        float32 [h, w] on the row's grid, at least 0, in units of the logit; see `upsampled`.

    Raises:
        ValueError: an unknown row, no such class, or not a single image.
    """
    at = row_gradient(model, variables, image, class_index, row)
    weights = at.gradients.mean(axis=(0, 1))
    return np.maximum(at.activations @ weights, 0)


def grad_cam_plus_plus(
    model: Network, variables: Variables, image: ArrayLike, class_index: int, row: str | None = None
) -> np.ndarray:
    """Grad-CAM++: as `grad_cam`, with a weight for each position (equation 19 of the paper).

    A channel's weight is the sum of its positive gradients, each times g^2 / (2 g^2 + A g^3), with
    A the channel's sum over the grid. Arguments and result are those of `grad_cam`. EPSILON, which
    is added to the denominator, is not negligible beside the squares of small gradients.
    """
    at = row_gradient(model, variables, image, class_index, row)
    g, total = at.gradients, at.activations.sum(axis=(0, 1))
    alpha = np.where(g != 0, g**2 / (2 * g**2 + total * g**3 + np.float32(EPSILON)), 0)
    weights = (np.maximum(g, 0) * alpha).sum(axis=(0, 1))
    return np.maximum(at.activations @ weights, 0)


def row_gradient(
    model: Network, variables: Variables, image: ArrayLike, class_index: int, row: str | None = None
) -> RowGradient:
    """A row's output and the gradient of a logit by it; arguments are those of `grad_cam`."""
    x, class_index = program.as_batch(image), program.check_class(model, class_index)
    row = rows.chosen(model, variables, x.shape[1], row)
    shape = rows.of_network(model, variables, x.shape[1])[probes.row_name(row)]
    probe = jnp.zeros(shape.shape, shape.dtype)
    found = program.compiled(_row_gradient, model, row)(variables, x, probe, class_index)
    return RowGradient(*map(np.asarray, found))


def upsampled(heat: np.ndarray, size: int) -> np.ndarray:
    """A map [h, w] at the image's `size`: [size, size], bilinear between the centres of cells."""
    return cv2.resize(heat.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


def _row_gradient(
    model: Network, row: str, variables: Variables, x: jax.Array, probe: jax.Array, index: Any
) -> tuple[jax.Array, jax.Array]:
    def logit(probe: jax.Array) -> tuple[jax.Array, jax.Array]:
        given = {**variables, probes.COLLECTION: {probes.row_name(row): probe}}
        out = model.apply(given, x, train=False, endpoints=True)
        return out.logits[0, index], out.endpoints[row][0]

    gradient, activations = jax.grad(logit, has_aux=True)(probe)
    wide = ops.wide(activations.dtype)
    return activations.astype(wide), gradient[0].astype(wide)
