"""The same block several times: one row of a network's table."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models import stochastic_depth
from inception_jax.models.layers import Conv
from inception_jax.models.lowering import remat
from inception_jax.models.rows import Build, modules


class Repeat(nn.Module):
    """`count` blocks of one kind in a chain, named `1` to `count`."""

    make: Callable[[int, str], nn.Module]
    count: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Apply the blocks in order."""
        for i in range(self.count):
            x = remat.unit(lambda net, x, i=i: net.make(i, str(i + 1))(x))(self, x)
        return x


def repeat(kind: Callable[..., nn.Module], count: int, **fields: Any) -> Build:
    """A row of `count` residual blocks, each with as many channels as its input."""

    def build(
        net: Any, conv: Conv, x: Float[Array, "b h w c"], name: str
    ) -> Float[Array, "b h w c"]:
        rates = stochastic_depth.rates(net.rows(), name, net.drop_path)

        def make(i: int, name: str) -> nn.Module:
            return kind(conv, x.shape[-1], drop=rates[i], name=name, **fields)

        return make(0, name)(x) if count == 1 else Repeat(make, count, name=name)(x)

    return modules(build, count)
