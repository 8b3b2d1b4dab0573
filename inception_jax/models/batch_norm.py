"""Batch normalisation; `batch_statistics` is where means and variances are computed."""

import math

import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from inception_jax.models.dialect import Norm
from inception_jax.models.lowering import forms, ops, remat, sums
from inception_jax.models.lowering.affine import Factors, normalised

Moments = tuple[Float[Array, "groups m"], Float[Array, "groups m"]]  # means, biased variances


def batch_statistics(x: Float[Array, "b *n c"], pivot: Float[Array, " c"], group: int) -> Moments:
    """Means and biased variances of each group of `group` images of `x`; float32 at least.

    Not differentiable: their gradient is `ops.with_gradient`'s. One pass over `x`, which a compiler
    fuses with the convolution that writes it, over the differences to `pivot`. The mean should be
    within a few hundred deviations of it: at a hundred, float32 loses four of the variance's seven
    digits (Flax's form always has zero for a pivot). At three thousand only rounding errors are
    left, and the variance is set to their size: at zero, `epsilon` alone would multiply the channel
    and its gradient by thirty.

    Args:
        x: [b, ..., c].
        pivot: [c], a guess of the means.
        group: images a group; 0 is the whole batch.

    Raises:
        ValueError: the images do not split into such groups.
    """
    size = group or x.shape[0]
    if x.shape[0] % size:
        raise ValueError(f"a batch of {x.shape[0]} images does not split into groups of {size}")
    groups = lax.stop_gradient(x).reshape(-1, size, *x.shape[1:])
    pivot = lax.stop_gradient(pivot)
    axes, eps = tuple(range(1, groups.ndim - 1)), jnp.finfo(ops.wide(x.dtype)).eps
    centred = groups.astype(ops.wide(x.dtype)) - pivot
    mean, square = _means(centred, axes)
    var = square - jnp.square(mean)
    moments = mean + pivot, jnp.maximum(var, eps * jnp.square(mean))
    return remat.named(moments[0], remat.STATISTICS), remat.named(moments[1], remat.STATISTICS)


def _means(
    x: Float[Array, "groups b *n c"], axes: tuple[int, ...]
) -> tuple[Float[Array, "groups c"], Float[Array, "groups c"]]:
    """Of `x` and of its square."""
    if not forms.on("paired"):
        return x.mean(axis=axes), jnp.square(x).mean(axis=axes)
    total, square = sums.over_pixels(x, jnp.square(x))
    count = math.prod(x.shape[1:-1])
    return total / count, square / count


class BatchNorm(nn.Module):
    """Batch normalisation (1502.03167) over groups of images rather than over devices.

    The batch is cut into consecutive groups of `group` images and each is normalised by its own
    mean and variance, as each replica of the papers does, so the result does not depend on the
    number of devices; `group=0` takes the whole batch. The moving averages follow the mean of the
    groups' statistics: of the biased variance, as Flax's and TF-slim's unfused form do, unless
    `norm.unbiased`. Statistics are computed in float32 at least, whatever the dtype of `x`.
    """

    norm: Norm
    train: bool
    group: int = 0

    def __call__(self, x: Float[Array, "b *n c"]) -> Float[Array, "b *n c"]:
        """Normalise `x`; the output has its dtype."""
        return normalised(x, self.factors(x), relu=False)

    @nn.compact
    def factors(self, x: Float[Array, "b *n c"], moments: Moments | None = None) -> Factors:
        """What multiplies each channel of `x`, and what is then added.

        `moments` are those of `x`, where its caller has them already; for training only.
        """
        c, norm = x.shape[-1], self.norm
        wide = ops.wide(x.dtype)  # of the statistics and parameters too
        mean_avg = self.variable("batch_stats", "mean", jnp.zeros, (c,), wide)
        var_avg = self.variable("batch_stats", "var", jnp.ones, (c,), wide)
        beta = self.param("bias", nn.initializers.zeros_init(), (c,), wide)
        gamma = self.param("scale", nn.initializers.ones_init(), (c,), wide) if norm.scale else 1
        if self.train and not norm.frozen:
            mean, var = moments or batch_statistics(x, mean_avg.value, self.group)
            groups = x.reshape(mean.shape[0], -1, *x.shape[1:])
            mean, var = ops.with_gradient(groups, mean, var)
            if not self.is_initializing():
                count = math.prod(x.shape[1:-1]) * (self.group or x.shape[0])
                unbiased = count / (count - 1) if norm.unbiased and count > 1 else 1
                self._update(mean_avg, mean)
                self._update(var_avg, var * unbiased)
        else:
            mean, var = mean_avg.value[None], var_avg.value[None]
        factor = gamma * lax.rsqrt(var + norm.epsilon)
        return factor, beta - mean * factor

    def _update(self, average: nn.Variable, groups: Float[Array, "groups c"]) -> None:
        new = groups.mean(axis=0).astype(average.value.dtype)
        decay = self.norm.decay  # 0 in the train step, which averages by itself
        average.value = decay * average.value + (1 - decay) * new if decay else new
