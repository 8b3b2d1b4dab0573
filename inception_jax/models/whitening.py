"""The first layer of a whitened stem: a fixed kernel that decorrelates 2x2 patches of the image.

From David Page's "How to train your ResNet" (part 8) by way of tysam-code/hlb-CIFAR10; the form
here is that of KellerJordan/cifar10-airbench (airbench94.py): 12 directions and their negatives.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from inception_jax.models.layers import Conv
from inception_jax.models.lowering.preactivation import Activation
from inception_jax.models.rows import defers

ROW = "whiten"  # the row, and so the layer, that has the kernel
SIDE, COLOURS = 2, 3  # of a patch
PATCH = SIDE * SIDE * COLOURS  # numbers of a patch: rows, columns, colours
FILTERS = 2 * PATCH
EPSILON = 5e-4  # of the mean variance of a pixel; airbench's, whose pixels have variance 1


def kernel(covariance: Float[np.ndarray, "12 12"]) -> Float[np.ndarray, "2 2 3 24"]:
    """The kernel that whitens patches of this covariance, flattened [row, column, colour].

    The eigenvectors, largest eigenvalue first, each divided by sqrt(eigenvalue + epsilon), then
    their negatives. Of a vector's two signs it is the one whose largest entry is positive.
    """
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(PATCH)]
    epsilon = EPSILON * covariance.trace() / PATCH
    return _with_negatives(vectors * np.sign(largest) / np.sqrt(values + epsilon))


def unfitted(key: Any, shape: Sequence[int], dtype: DTypeLike) -> Float[Array, "2 2 3 24"]:
    """The kernel of a network that has seen no data, an initialiser that draws nothing.

    Orthonormal cosines (DCT-II) over rows, columns and colours: nearly the eigenvectors of natural
    images, without their scales.
    """
    assert tuple(shape) == (SIDE, SIDE, COLOURS, FILTERS)
    bases = [_cosines(n) for n in (SIDE, SIDE, COLOURS)]
    waves = [np.kron(np.kron(a, b), c) for a, b, c in itertools.product(*bases)]
    return jnp.asarray(_with_negatives(np.stack(waves, axis=1)), dtype)


def _cosines(n: int) -> Float[np.ndarray, "n n"]:
    """The rows of the orthonormal DCT-II of length `n`."""
    k, x = np.mgrid[:n, :n]
    waves = np.cos(math.pi * k * (2 * x + 1) / (2 * n))
    return waves / np.linalg.norm(waves, axis=1, keepdims=True)


def _with_negatives(columns: Float[np.ndarray, "12 12"]) -> Float[np.ndarray, "2 2 3 24"]:
    return np.concatenate([columns, -columns], axis=1).reshape(SIDE, SIDE, COLOURS, FILTERS)


@defers
def whitening(net: Any, conv: Conv, x: Activation, name: str) -> Any:
    """The row: a 2x2 convolution by the fixed kernel, whatever the width, a bias that learns, ReLU.

    airbench has GELU here.
    """
    layer = conv(
        FILTERS, SIDE, padding="VALID", norm=False, kernel_init=unfitted, fixed=True, width=1.0,
        name=name,
    )  # fmt: skip
    return layer(x, defer=True)
