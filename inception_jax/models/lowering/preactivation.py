"""A layer's output before its normalisation and ReLU, so that a max-pool can go first."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
from flax import struct

from inception_jax.models.lowering import ops

Array = jax.Array


@struct.dataclass
class Preactivation:
    """relu(z * factor + shift), not computed yet; `factor` is positive.

    What is read once is then never written: a convolution computes it while it reads `z`. And as
    neither a positive factor nor ReLU changes which pixel of a window is the largest, a max-pool of
    `z` leaves a quarter of the pixels to normalise, and to differentiate (`max_pooled`).

    Attributes:
        z: [b, h, w, c], the convolution's output.
        factor: [groups, c] of consecutive images, or None for one.
        shift: as `factor`.
    """

    z: Array
    factor: Array | None = None
    shift: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """[b, h, w, c]."""
        return self.z.shape

    @property
    def value(self) -> Array:
        """The activation [b, h, w, c], in the dtype of `z`."""
        return ops.relu(affine(self.z, self.factor, self.shift))

    def max_pooled(self, pool: Callable[[Array], Array]) -> "Preactivation":
        """What `pool` makes of the activation."""
        return replace(self, z=pool(self.z))


def affine(x: Array, factor: Array | None, shift: Array | None) -> Array:
    """`x * factor + shift` of `x` [b, ..., c] in groups [g, c] of images; in the dtype of `x`."""
    if factor is None or shift is None:
        return x
    (groups, c), wide = factor.shape, x.astype(ops.wide(x.dtype))
    if groups == 1:
        return (wide * factor[0] + shift[0]).astype(x.dtype)
    shape = (groups, *(1,) * (x.ndim - 1), c)
    y = wide.reshape(groups, -1, *x.shape[1:])
    return (y * factor.reshape(shape) + shift.reshape(shape)).reshape(x.shape).astype(x.dtype)


def materialize(x: Any) -> Array:
    """The array itself, or a Preactivation's."""
    return x.value if isinstance(x, Preactivation) else x
