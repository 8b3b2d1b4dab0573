"""The primitives of every network; `ConvBN` is the only place where conv, BN and ReLU meet."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from inception_jax.models.dialect import Dialect, Norm
from inception_jax.models.lowering import forms, ops, remat
from inception_jax.models.lowering.preactivation import Preactivation, affine, materialize

Array = jax.Array
Branch = Sequence[Callable[[Array], Array]]
Moments = tuple[Array, Array]  # means and variances, [groups, c]
SMALLEST = 8  # channels a scaled-down layer keeps, and the multiple it is rounded to


class ImageTooSmallError(ValueError):
    """A window that does not pad found fewer pixels than it spans."""


def scaled(features: int, width: float) -> int:
    """`features * width`, rounded to a multiple of 8 (at least 8); `features` itself at width 1."""
    if width == 1.0:
        return features
    return max(SMALLEST, round(features * width / SMALLEST) * SMALLEST)


def window(size: int | tuple[int, int]) -> tuple[int, int]:
    """A window's (height, width) from one number or two."""
    return (size, size) if isinstance(size, int) else size


class BatchNorm(nn.Module):
    """Batch normalisation (1502.03167) over groups of images rather than over devices.

    The batch is cut into consecutive groups of `group` images and each is normalised by its own
    mean and variance, as each replica of the papers does, so the result does not depend on the
    number of devices; `group=0` takes the whole batch. The moving averages follow the mean of the
    groups' statistics: of the biased variance, as Flax's and TF-slim's unfused form do, unless
    `unbiased`. Statistics are computed in float32 at least, whatever the dtype of `x`.
    """

    decay: float
    epsilon: float
    scale: bool
    train: bool
    group: int = 0
    unbiased: bool = False

    @nn.compact
    def factors(self, x: Array, moments: Moments | None = None) -> tuple[Array, Array]:
        """What to multiply each channel of `x` [b, ..., c] by and then to add, [groups, c] both.

        `moments` are those of `x`, where they are already there; for training only.
        """
        c = x.shape[-1]
        wide = ops.wide(x.dtype)  # of the statistics and parameters too: float32, or float64
        mean_avg = self.variable("batch_stats", "mean", jnp.zeros, (c,), wide)
        var_avg = self.variable("batch_stats", "var", jnp.ones, (c,), wide)
        beta = self.param("bias", nn.initializers.zeros_init(), (c,), wide)
        gamma = self.param("scale", nn.initializers.ones_init(), (c,), wide) if self.scale else 1
        if self.train:
            mean, var = moments or moments_of(x, mean_avg.value, self.group)
            groups = x.reshape(mean.shape[0], -1, *x.shape[1:])
            mean, var = ops.known_moments(groups, mean, var)
            if not self.is_initializing():
                self._follow(mean_avg, mean)
                count = math.prod(x.shape[1:-1]) * (self.group or x.shape[0])
                unbiased = count / (count - 1) if self.unbiased and count > 1 else 1
                self._follow(var_avg, var * unbiased)
        else:
            mean, var = mean_avg.value[None], var_avg.value[None]
        factor = gamma * lax.rsqrt(var + self.epsilon)
        return factor, beta - mean * factor

    def _follow(self, average: Any, groups: Array) -> None:
        new = groups.mean(axis=0).astype(average.value.dtype)
        average.value = self.decay * average.value + (1 - self.decay) * new

    def __call__(self, x: Array) -> Array:
        """Normalises `x` [b, ..., c]; the output has its shape and dtype."""
        return affine(x, *self.factors(x))


def moments_of(x: Array, pivot: Array, group: int) -> Moments:
    """Means and biased variances [groups, c] of `x` [b, ..., c]; see `ops.moments`.

    Without a gradient: that is `ops.known_moments`'.

    Raises:
        ValueError: the images do not split into groups of `group` (0 is all).
    """
    size = group or x.shape[0]
    if x.shape[0] % size:
        raise ValueError(f"a batch of {x.shape[0]} images does not split into groups of {size}")
    groups = lax.stop_gradient(x).reshape(-1, size, *x.shape[1:])
    mean, var = ops.moments(groups, lax.stop_gradient(pivot))
    return remat.named(mean, remat.STATISTICS), remat.named(var, remat.STATISTICS)


def batch_norm(norm: Norm | None, train: bool, group: int) -> BatchNorm:
    """A BatchNorm named `bn`, with a dialect's constants; the dialect must have them."""
    assert norm is not None
    return BatchNorm(norm.decay, norm.epsilon, norm.scale, train, group, norm.unbiased, name="bn")


class ConvBN(nn.Module):
    """Convolution, then BatchNorm (or a bias, without `norm` or in networks without it), then ReLU.

    `features` is the paper's number of channels; `width` scales it. `train`, `dialect`, `width`,
    `bn_group`, `dtype` and `checkpoint_name` (what `remat` calls the convolution's output) are
    bound once, by the network.
    """

    features: int
    kernel: int | tuple[int, int] = 1
    strides: int = 1
    padding: str = "SAME"
    relu: bool = True
    norm: bool = True
    kernel_init: Any = None
    dialect: Any = None
    train: bool = False
    width: float = 1.0
    bn_group: int = 0
    dtype: Any = jnp.float32
    checkpoint_name: str = remat.CONVOLUTION

    @nn.compact
    def __call__(
        self,
        x: Array | Preactivation,
        *,
        convolved: Array | None = None,
        moments: Moments | None = None,
        defer: bool = False,
    ) -> Any:
        """Maps `x` [b, h, w, c] to [b, h', w', features * width].

        Args:
            x: the input.
            convolved: its convolution by this layer's kernel, where that is already there.
            moments: of that.
            defer: return a Preactivation, if nothing forbids it.
        """
        d: Dialect = self.dialect
        features, size = scaled(self.features, self.width), window(self.kernel)
        wide = ops.wide(self.dtype)
        check_fits(self, x, size, self.padding)
        kernel = self.param(
            "kernel", self.kernel_init or d.kernel_init, (*size, x.shape[-1], features), wide
        )
        z = convolved
        if z is None:
            pads = ops.pads(x.shape[1:3], size, self.strides, self.padding, d.padding)
            read = materialize(x).astype(self.dtype)
            z = ops.conv(read, kernel.astype(self.dtype), self.strides, pads)
        normed = d.norm is not None and self.norm
        if d.bias or not normed:
            z = z + self.param("bias", d.bias_init, (features,), wide).astype(z.dtype)
        if normed or self.relu:
            z = remat.named(z, self.checkpoint_name)
        norm = None, None
        if normed:
            norm = batch_norm(d.norm, self.train, self.bn_group).factors(z, moments)
        if not self.relu:
            return affine(z, *norm)
        # With a gamma the factor may be negative.
        gamma = normed and d.norm is not None and d.norm.scale
        y = Preactivation(z, *norm)
        return y if defer and not gamma and forms.on("deferred") else y.value


class SeparableConv(nn.Module):
    """A depthwise convolution, then a 1x1 with BatchNorm (or a bias, without `norm`); no ReLU.

    Nothing stands between the two (1610.02357, section 4.7). `features` is the paper's number of
    channels; `multiplier` filters read each channel of the input.
    """

    conv: Callable[..., Any]
    features: int
    kernel: int = 3
    strides: int = 1
    multiplier: int = 1
    norm: bool = True
    depthwise_init: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h', w', features * width]."""
        d, dtype = self.conv.keywords["dialect"], self.conv.keywords["dtype"]
        size, c = (self.kernel, self.kernel), x.shape[-1]
        shape = (*size, 1, c * self.multiplier)
        init = self.depthwise_init or d.kernel_init
        kernel = self.param("kernel", init, shape, ops.wide(dtype))
        pads = ops.pads(x.shape[1:3], size, self.strides, "SAME", d.padding)
        x = ops.depthwise(x.astype(dtype), kernel.astype(dtype), self.strides, pads)
        return self.conv(self.features, relu=False, norm=self.norm, name="pointwise")(x)


class Dense(nn.Module):
    """A fully connected layer, computed in `dtype`; what it gives is float32 at least."""

    features: int
    kernel_init: Any
    dtype: Any = jnp.float32
    bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, c] to [b, features]."""
        shape, wide = (x.shape[-1], self.features), ops.wide(self.dtype)
        kernel = self.param("kernel", self.kernel_init, shape, wide)
        y = ops.dense(x.astype(self.dtype), kernel.astype(self.dtype))
        if not self.bias:
            return y
        return y + self.param("bias", nn.initializers.zeros_init(), (self.features,), wide)


class Fork(nn.Module):
    """Two or more layers side by side on one input, concatenated (1512.00567, Figure 7)."""

    arms: Sequence[nn.Module]

    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h, w, sum of the arms' channels]."""
        return jnp.concatenate([arm(x) for arm in self.arms], axis=-1)


def check_fits(
    module: nn.Module, x: Array | Preactivation, size: tuple[int, int], padding: str
) -> None:
    """Raises ImageTooSmallError, naming the layer, if an unpadded window exceeds x [b, h, w, c]."""
    if padding == "VALID" and (x.shape[1] < size[0] or x.shape[2] < size[1]):
        raise ImageTooSmallError(
            f"layer {'/'.join(module.path)} needs a grid of at least {size[0]}x{size[1]}, "
            f"got {x.shape[1]}x{x.shape[2]}"
        )


def run(branch: Branch, x: Any) -> Any:
    """The layers of one branch, in order."""
    for layer in branch:
        x = layer(x)
    return x


def max_pool(
    x: Any, size: int = 3, strides: int = 2, padding: str = "SAME", style: str = "tf"
) -> Any:
    """Max-pool of `x` [b, h, w, c], an array or a Preactivation; gives what it was given."""
    pads = ops.pads(x.shape[1:3], (size, size), strides, padding, style, pool=True)

    def pool(x: Array) -> Array:
        return ops.max_pool(x, (size, size), strides, pads)

    return x.max_pooled(pool) if isinstance(x, Preactivation) else pool(x)


def avg_pool(
    x: Array,
    size: int = 3,
    strides: int = 1,
    padding: str = "SAME",
    count_include_pad: bool = False,
) -> Array:
    """Average pool of `x` [b, h, w, c]; TensorFlow's border (padding not counted) by default."""
    pads = ops.pads(x.shape[1:3], (size, size), strides, padding)
    return ops.avg_pool(x, (size, size), strides, pads, count_include_pad)


def border(conv: Any) -> Callable[[Array], Array]:
    """The 3x3 average pool of a module's last branch, with the dialect's border."""
    return partial(avg_pool, count_include_pad=conv.keywords["dialect"].count_include_pad)


def global_avg_pool(x: Array) -> Array:
    """Mean of `x` [b, h, w, c] over the grid: [b, c]."""
    return x.mean(axis=(1, 2))


def local_response_norm(
    x: Array, radius: int = 2, bias: float = 1.0, alpha: float = 2e-5, beta: float = 0.75
) -> Array:
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


def dropout(module: nn.Module, x: Array, rate: float, train: bool) -> Array:
    """Zeroes a share `rate` of `x` and scales the rest up; the identity at evaluation."""
    if not train or not rate:
        return x
    keep = ops.keep(module.make_rng("dropout"), rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)
