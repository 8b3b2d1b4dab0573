"""The layers of every network; `ConvBN` is the only place where conv, BN and ReLU meet."""

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from inception_jax.models.batch_norm import BatchNorm, Moments
from inception_jax.models.checks import ImageTooSmallError
from inception_jax.models.dialect import Dialect, Initializer
from inception_jax.models.lowering import ops, remat
from inception_jax.models.lowering.preactivation import (
    Activation,
    Preactivation,
    activate,
    materialize,
)

Branch = Sequence[Callable[..., Any]]  # layers, each a function of an Activation
Conv = partial[Any]  # makes a ConvBN from what differs between them: features, kernel, ...
SMALLEST = 8  # channels a scaled-down layer keeps, and the multiple it is rounded to


def scaled(features: int, width: float) -> int:
    """`features * width`, rounded to a multiple of 8 (at least 8); `features` itself at width 1."""
    if width == 1.0:
        return features
    return max(SMALLEST, round(features * width / SMALLEST) * SMALLEST)


def window(size: int | tuple[int, int]) -> tuple[int, int]:
    """A window's (height, width) from one number or two."""
    return (size, size) if isinstance(size, int) else size


class ConvBN(nn.Module):
    """Convolution, then BatchNorm (or a bias, without `norm` or in networks without it), then ReLU.

    Attributes:
        features: the paper's number of channels; `width` scales it.
        dialect: its initialisers, padding and BatchNorm constants. The network binds it once, with
            `train`, `width`, `bn_group` and `dtype` (`Network.conv`).
        fixed: whether the kernel keeps its first value, without a gradient.
        checkpoint_name: what `remat` calls the convolution's output.
    """

    features: int
    kernel: int | tuple[int, int] = 1
    strides: int = 1
    padding: str = "SAME"
    relu: bool = True
    norm: bool = True
    kernel_init: Initializer | None = None
    fixed: bool = False
    dialect: Dialect = field(kw_only=True)
    train: bool = False
    width: float = 1.0
    bn_group: int = 0
    dtype: DTypeLike = jnp.float32
    checkpoint_name: str = remat.CONVOLUTION

    @nn.compact
    def __call__(
        self,
        x: Activation,
        *,
        convolution: Float[Array, "b h2 w2 d"] | None = None,
        moments: Moments | None = None,
        defer: bool = False,
    ) -> Float[Array, "b h2 w2 d"] | Preactivation:
        """Map `x` [b, h, w, c] to [b, h', w', features * width].

        Args:
            x: the input.
            convolution: of `x` by this layer's kernel, if `siblings` computed it already.
            moments: of `convolution`.
            defer: leave normalisation and ReLU to the reader of the output, where that is exact.
        """
        d, norm, wide = self.dialect, self.dialect.norm if self.norm else None, ops.wide(self.dtype)
        size, features = window(self.kernel), scaled(self.features, self.width)
        check_fits(self, x, size, self.padding)

        shape = (*size, x.shape[-1], features)
        kernel = self.param("kernel", self.kernel_init or d.kernel_init, shape, wide)
        kernel = lax.stop_gradient(kernel) if self.fixed else kernel
        z = convolution
        if z is None:
            pads = ops.pads(x.shape[1:3], size, self.strides, self.padding, d.padding)
            y = materialize(x).astype(self.dtype)
            z = ops.conv(y, kernel.astype(self.dtype), self.strides, pads)
        if d.bias or not norm:
            z = z + self.param("bias", d.bias_init, (features,), wide).astype(z.dtype)
        if norm or self.relu:
            z = remat.named(z, self.checkpoint_name)
        factors = None
        if norm:
            bn = BatchNorm(norm, self.train, self.bn_group, name="bn")
            factors = bn.factors(z, moments)
        return activate(z, factors, self.relu, defer=defer and not (norm and norm.scale))


class SeparableConv(nn.Module):
    """A depthwise convolution, then a 1x1 with BatchNorm (or a bias, without `norm`); no ReLU.

    Neither normalisation nor ReLU between the two (1610.02357, section 4.7).

    Attributes:
        features: the paper's number of channels.
        multiplier: filters that read each channel of the input.
    """

    conv: Conv
    features: int
    kernel: int = 3
    strides: int = 1
    multiplier: int = 1
    norm: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, c] to [b, h', w', features * width]."""
        d, dtype = self.conv.keywords["dialect"], self.conv.keywords["dtype"]
        size, c = (self.kernel, self.kernel), x.shape[-1]
        shape = (*size, 1, c * self.multiplier)
        kernel = self.param("kernel", d.kernel_init, shape, ops.wide(dtype))
        pads = ops.pads(x.shape[1:3], size, self.strides, "SAME", d.padding)
        x = ops.depthwise(x.astype(dtype), kernel.astype(dtype), self.strides, pads)
        return self.conv(self.features, relu=False, norm=self.norm, name="pointwise")(x)


class Dense(nn.Module):
    """A fully connected layer, computed in `dtype`; its output is float32 at least."""

    features: int
    kernel_init: Initializer
    dtype: DTypeLike = jnp.float32
    bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        """Map `x` [b, c] to [b, features]."""
        shape, wide = (x.shape[-1], self.features), ops.wide(self.dtype)
        kernel = self.param("kernel", self.kernel_init, shape, wide)
        y = ops.dense(x.astype(self.dtype), kernel.astype(self.dtype))
        if not self.bias:
            return y
        return y + self.param("bias", nn.initializers.zeros_init(), (self.features,), wide)


class Cosines(nn.Module):
    """The cosine of the angle between the input and each class's kernel, float32 at least."""

    features: int
    kernel_init: Initializer
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        """Map `x` [b, c] to cosines [b, features]."""
        wide = ops.wide(self.dtype)
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features), wide)
        return ops.dense(unit(x.astype(wide)), unit(kernel, axis=0))


def unit(x: Float[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """`x` with vectors of length 1 along `axis`; zero stays zero."""
    return x / jnp.sqrt(jnp.maximum(jnp.square(x).sum(axis=axis, keepdims=True), 1e-12))


class Fork(nn.Module):
    """Two or more layers on one input, concatenated (1512.00567, Figure 7)."""

    arms: Sequence[nn.Module]

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` to the concatenation of the arms' channels."""
        return jnp.concatenate([arm(x) for arm in self.arms], axis=-1)


def check_fits(module: nn.Module, x: Activation, size: tuple[int, int], padding: str) -> None:
    """Raise ImageTooSmallError, naming the layer, if an unpadded window exceeds the grid of `x`."""
    if padding == "VALID" and (x.shape[1] < size[0] or x.shape[2] < size[1]):
        raise ImageTooSmallError(
            f"layer {'/'.join(module.path)} needs a grid of at least {size[0]}x{size[1]}, "
            f"got {x.shape[1]}x{x.shape[2]}"
        )


def run(branch: Branch, x: Activation) -> Float[Array, "b h2 w2 d"] | Preactivation:
    """The layers of one branch, in order."""
    for layer in branch:
        x = layer(x)
    return x


def local_response_norm(
    x: Float[Array, "b h w c"],
    radius: int = 2,
    bias: float = 1.0,
    alpha: float = 2e-5,
    beta: float = 0.75,
) -> Float[Array, "b h w c"]:
    """X / (bias + alpha * sum of squares over 2 * radius + 1 neighbouring channels) ** beta.

    GoogLeNet's paper gives no constants; these are Caffe's for it (window 5, alpha 1e-4 over the
    window, so 2e-5 a channel, beta 0.75), as in tf_cnn_benchmarks' form of the operation.
    """
    wide = ops.wide(x.dtype)
    dtype, x = x.dtype, x.astype(wide)
    squares = jnp.square(x)
    padded = jnp.pad(squares, [(0, 0)] * (x.ndim - 1) + [(radius, radius)])
    total = sum(
        lax.slice_in_dim(padded, i, i + x.shape[-1], axis=-1) for i in range(2 * radius + 1)
    )
    return (x / (bias + alpha * total) ** beta).astype(dtype)


def dropout(
    module: nn.Module, x: Float[Array, "*shape"], rate: float, train: bool
) -> Float[Array, "*shape"]:
    """Zero a share `rate` of `x` and scale up the rest; the identity at evaluation."""
    if not train or not rate:
        return x
    keep = ops.keep(module.make_rng("dropout"), rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)
