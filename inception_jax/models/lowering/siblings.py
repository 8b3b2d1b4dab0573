"""Branches side by side: their first 1x1 convolutions read the same input, so they are one.

The mathematics and the parameters are the figures'; what is computed is one wide matrix product
instead of three or four narrow ones, which reads the input once and writes its gradient once.
(v5e, bfloat16, modules 5b to 5d of Inception-v3: 0.69 times the bytes. experiments/speed.)
"""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from inception_jax.models.layers import Branch, ConvBN, Moments, avg_pool, moments_of, run, window
from inception_jax.models.lowering import forms, ops
from inception_jax.models.lowering.preactivation import Preactivation, materialize

Array = jax.Array


class SharedConv(NamedTuple):
    """How a branch begins that can share a convolution.

    Attributes:
        conv: its 1x1.
        pool: the average pool of stride 1 in front of it, where there is one. Both are linear, one
            over pixels and one over channels, so that the order does not matter: behind the 1x1 the
            pool has a quarter to a tenth of the channels.
        rest: the layers after the two.
    """

    conv: ConvBN
    pool: Any
    rest: Branch


def concat(branches: Sequence[Branch], x: Array | Preactivation) -> Array:
    """The papers' filter concatenation: every branch on `x` [b, h, w, c], joined on channels."""
    heads = {i: h for i, branch in enumerate(branches) if (h := head(branch))}
    # While a network is initialised its kernels are made one after the other.
    made = not any(h.conv.is_initializing() for h in heads.values())
    heads = heads if len(heads) > 1 and made and forms.on("siblings") else {}
    begun = dict(zip(heads, split_branches(list(heads.values()), x), strict=True))
    return jnp.concatenate(
        [
            begun[i](x) if i in begun else materialize(run(branch, x))
            for i, branch in enumerate(branches)
        ],
        axis=-1,
    )


def head(branch: Branch) -> SharedConv | None:
    """How a branch begins, or None if its first convolution reads more than a pixel."""
    pool = branch[0] if is_average(branch[0]) else None
    conv, *rest = branch[1:] if pool else branch
    if isinstance(conv, ConvBN) and window(conv.kernel) == (1, 1) and conv.strides == 1:
        return SharedConv(conv, pool, rest)
    return None


def is_average(layer: Any) -> bool:
    """Whether a layer is an average pool of stride 1."""
    return (
        isinstance(layer, partial)
        and layer.func is avg_pool
        and layer.keywords.get("strides", 1) == 1
    )


def split_branches(
    heads: Sequence[SharedConv], x: Array | Preactivation
) -> list[Callable[[Any], Array]]:
    """What is left of each branch, a function of `x`, once `x` met all their kernels."""
    if not heads:
        return []
    convs = [h.conv for h in heads]
    kernels = [c.get_variable("params", "kernel") for c in convs]
    dtype = convs[0].dtype
    ends = itertools.accumulate((k.shape[-1] for k in kernels), initial=0)
    wide = jnp.concatenate([k.astype(dtype) for k in kernels], axis=-1)
    z = ops.conv(materialize(x).astype(dtype), wide, 1, ((0, 0), (0, 0)))
    return [
        partial(
            finish_branch, h, z=lax.slice_in_dim(z, a, b, axis=-1), moments=None if h.pool else m
        )
        for h, (a, b), m in zip(
            heads, itertools.pairwise(ends), joint_moments(convs, z), strict=True
        )
    ]


def joint_moments(convs: Sequence[ConvBN], z: Array) -> list[Moments | None]:
    """The moments of each layer's slice of `z`, where training asks for them; else None.

    Taken of all channels at once they are part of the convolution; of a slice, a pass over `z`.
    """
    first = convs[0]
    normed = first.dialect.norm is not None and not first.dialect.bias
    if not (normed and first.train and all(c.norm for c in convs)):
        return [None] * len(convs)
    averages = [c.get_variable("batch_stats", "bn")["mean"] for c in convs]
    mean, var = moments_of(z, jnp.concatenate(averages), first.bn_group)
    ends = itertools.accumulate((a.shape[0] for a in averages), initial=0)
    return [(mean[:, a:b], var[:, a:b]) for a, b in itertools.pairwise(ends)]


def finish_branch(head: SharedConv, x: Any, *, z: Array, moments: Moments | None) -> Array:
    """A branch's output on `x`, of which `z` is the convolution by its head's kernel."""
    z = head.pool(z) if head.pool else z
    return run(head.rest, head.conv(x, convolved=z, moments=moments))
