"""The same block several times: one row of a network's table."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models.layers import Conv
from inception_jax.models.lowering import remat
from inception_jax.models.rows import Build, repeats


class Repeat(nn.Module):
    """`count` blocks of one kind in a chain, named `1` to `count`."""

    make: Callable[..., nn.Module]
    count: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Apply the blocks in order."""
        for i in range(1, self.count + 1):
            x = remat.unit(lambda net, x, name=str(i): net.make(name=name)(x))(self, x)
        return x


def repeat(kind: Callable[..., nn.Module], count: int, **fields: Any) -> Build:
    """A row of `count` residual blocks, each with as many channels as its input."""

    def build(
        net: nn.Module, conv: Conv, x: Float[Array, "b h w c"], name: str
    ) -> Float[Array, "b h w c"]:
        def make(name: str) -> nn.Module:
            return kind(conv, x.shape[-1], name=name, **fields)

        return make(name)(x) if count == 1 else Repeat(make, count, name=name)(x)

    return repeats(build) if count > 1 else build
