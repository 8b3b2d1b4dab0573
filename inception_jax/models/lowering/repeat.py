"""The same block several times: one row of a network's table."""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from inception_jax.models.lowering import remat
from inception_jax.models.network import repeats

Array = jax.Array


class Repeat(nn.Module):
    """`count` blocks of one kind in a chain, named `1` to `count`."""

    make: Callable[..., nn.Module]
    count: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h, w, c]."""
        for i in range(1, self.count + 1):
            x = remat.unit(lambda net, x, name=str(i): net.make(name=name)(x))(self, x)
        return x


def repeat(kind: Callable[..., nn.Module], count: int, **fields: Any) -> Callable[..., Array]:
    """A row of `count` residual blocks, whose channels are those of their input."""

    def build(net: Any, conv: Any, x: Array, name: str) -> Array:
        def make(name: str) -> nn.Module:
            return kind(conv, x.shape[-1], name=name, **fields)

        return make(name)(x) if count == 1 else Repeat(make, count, name=name)(x)

    return repeats(build) if count > 1 else build
