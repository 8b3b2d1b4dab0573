"""A layer's output before its normalisation and ReLU, so that a max-pool can go first."""

from collections.abc import Callable
from dataclasses import replace
from typing import no_type_check

from flax import struct
from jaxtyping import Array, Float

from inception_jax.models.lowering import forms
from inception_jax.models.lowering.affine import Factors, normalised


@no_type_check  # as a pytree it holds whatever JAX maps over it
@struct.dataclass
class Preactivation:
    """relu(z * factor + shift), not computed yet; `factor` is positive.

    The layer that reads it computes it, so a result with one reader is never written to memory. And
    as neither a positive factor nor ReLU changes which pixel of a window is the largest, a max-pool
    of `z` leaves a quarter of the pixels to normalise and to differentiate (`max_pooled`).

    Attributes:
        z: the convolution's output.
        factor: of groups of consecutive images, or None for one.
        shift: as `factor`.
    """

    z: Float[Array, "b h w c"]
    factor: Float[Array, "groups c"] | None = None
    shift: Float[Array, "groups c"] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """[b, h, w, c]."""
        return self.z.shape

    @property
    def value(self) -> Float[Array, "b h w c"]:
        """The activation, in the dtype of `z`."""
        factor, shift = self.factor, self.shift
        factors = None if factor is None or shift is None else (factor, shift)
        return normalised(self.z, factors, relu=True)

    def max_pooled(self, pool: Callable[[Array], Array]) -> "Preactivation":
        """The max-pool of the activation."""
        return replace(self, z=pool(self.z))


Activation = Float[Array, "b h w c"] | Preactivation


def activate(
    z: Float[Array, "b h w c"], factors: Factors | None, relu: bool, *, defer: bool
) -> Activation:
    """Normalisation and ReLU of a convolution's output `z`; a Preactivation with `defer`.

    Args:
        z: the convolution's output.
        factors: BatchNorm's; None for none.
        relu: False leaves the ReLU out, and then nothing is deferred.
        defer: the factors are positive and the reader takes a Preactivation.
    """
    if not relu:
        return normalised(z, factors, relu=False)
    y = Preactivation(z, *(factors or (None, None)))
    return y if defer and forms.on("deferred") else y.value


def materialize(x: Float[Array, "b ..."] | Preactivation) -> Float[Array, "b ..."]:
    """The array itself, or a Preactivation's."""
    return x.value if isinstance(x, Preactivation) else x
