"""Branches on one input: their first 1x1 convolutions are computed as one.

The mathematics and the parameters are the figures'; the program has one wide matrix product instead
of three or four narrow ones, which reads the input once and writes its gradient once. (v5e,
bfloat16, modules 5b to 5d of Inception-v3: 0.69 times the bytes. experiments/speed.)
"""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from inception_jax.models.batch_norm import Moments, batch_statistics
from inception_jax.models.layers import Branch, ConvBN, run, window
from inception_jax.models.lowering import forms, ops
from inception_jax.models.lowering.preactivation import Activation, materialize
from inception_jax.models.pools import avg_pool


class SharedConv(NamedTuple):
    """A branch that starts with a 1x1 convolution, which can be computed with its siblings'.

    Attributes:
        conv: the 1x1.
        pool: the average pool of stride 1 in front of it, if there is one. Both are linear, one
            over pixels and one over channels, so their order does not matter: after the 1x1 the
            pool has a quarter to a tenth of the channels.
        rest: the layers after the two.
    """

    conv: ConvBN
    pool: Callable[..., Any] | None
    rest: Branch


def concat(
    branches: Sequence[Branch], x: Activation, drop: Callable[[list[Array]], list[Array]] = list
) -> Float[Array, "b h2 w2 d"]:
    """The papers' filter concatenation: every branch on `x`, joined on channels.

    `drop` changes the branches' outputs before they are joined (`stochastic_depth`).
    """
    shared = {i: s for i, branch in enumerate(branches) if (s := shared_conv(branch))}
    # Initialisation creates the kernels one after the other.
    ready = not any(s.conv.is_initializing() for s in shared.values())
    shared = shared if len(shared) > 1 and ready and forms.on("siblings") else {}
    split = dict(zip(shared, split_branches(list(shared.values()), x), strict=True))
    outputs = [
        split[i](x) if i in split else materialize(run(branch, x))
        for i, branch in enumerate(branches)
    ]
    return jnp.concatenate(drop(outputs), axis=-1)


def shared_conv(branch: Branch) -> SharedConv | None:
    """The start of a branch, or None if its first convolution reads more than a pixel."""
    pool = branch[0] if is_average(branch[0]) else None
    conv, *rest = branch[1:] if pool else branch
    if isinstance(conv, ConvBN) and window(conv.kernel) == (1, 1) and conv.strides == 1:
        return SharedConv(conv, pool, rest)
    return None


def is_average(layer: Callable[..., Any]) -> bool:
    """Whether a layer is an average pool of stride 1."""
    return (
        isinstance(layer, partial)
        and layer.func is avg_pool
        and layer.keywords.get("strides", 1) == 1
    )


def split_branches(
    shared: Sequence[SharedConv], x: Activation
) -> list[Callable[[Activation], Array]]:
    """The rest of each branch, a function of `x`, after one convolution by all their kernels."""
    if not shared:
        return []
    convs = [s.conv for s in shared]
    kernels = [c.get_variable("params", "kernel") for c in convs]
    dtype = convs[0].dtype
    ends = itertools.accumulate((k.shape[-1] for k in kernels), initial=0)
    wide = jnp.concatenate([k.astype(dtype) for k in kernels], axis=-1)
    z = ops.conv(materialize(x).astype(dtype), wide, 1, ((0, 0), (0, 0)))
    return [
        partial(
            finish_branch, s, z=lax.slice_in_dim(z, a, b, axis=-1), moments=None if s.pool else m
        )
        for s, (a, b), m in zip(
            shared, itertools.pairwise(ends), joint_moments(convs, z), strict=True
        )
    ]


def joint_moments(convs: Sequence[ConvBN], z: Float[Array, "b h w total"]) -> list[Moments | None]:
    """The moments of each layer's slice of `z`, where training uses them; else None.

    Computed over all channels at once they are fused with the convolution; a slice takes a pass of
    its own over `z`.
    """
    first, norm = convs[0], convs[0].dialect.norm
    normed = norm is not None and not norm.frozen and not first.dialect.bias
    if not (normed and first.train and all(c.norm for c in convs)):
        return [None] * len(convs)
    averages = [c.get_variable("batch_stats", "bn")["mean"] for c in convs]
    mean, var = batch_statistics(z, jnp.concatenate(averages), first.bn_group)
    ends = itertools.accumulate((a.shape[0] for a in averages), initial=0)
    return [(mean[:, a:b], var[:, a:b]) for a, b in itertools.pairwise(ends)]


def finish_branch(
    shared: SharedConv, x: Activation, *, z: Float[Array, "b h w d"], moments: Moments | None
) -> Float[Array, "b h2 w2 e"]:
    """A branch's output on `x`, where `z` is the convolution of `x` by its first kernel."""
    z = shared.pool(z) if shared.pool else z
    return materialize(run(shared.rest, shared.conv(x, convolution=z, moments=moments)))
