"""The rows of a network's table, and the functions that build the common ones."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flax import linen as nn

from inception_jax.models.layers import Conv
from inception_jax.models.lowering.preactivation import Activation

# A row's function: (network, conv factory, its input, its name) -> its output.
Build = Callable[[Any, Conv, Any, str], Any]


class Row(NamedTuple):
    """One line of a network's table: what is built, and the paper's grid and channels after it."""

    name: str
    build: Build
    figure: str
    grid: int
    channels: int


def block(kind: Callable[..., nn.Module], **fields: Any) -> Build:
    """A row built by a block's class, which takes the conv factory first."""
    return lambda net, conv, x, name: kind(conv, **fields, name=name)(x)


def reduction(kind: Callable[..., nn.Module], **fields: Any) -> Build:
    """A row built by a `GridReduction`; where the stem is small, grids are too, and it pads."""
    return lambda net, conv, x, name: block(
        kind, padding="SAME" if net.small else "VALID", **fields
    )(net, conv, x, name)


def convolution(features: int, kernel: int = 1, strides: int = 1, padding: str = "SAME") -> Build:
    """A row that is a single ConvBN."""

    def build(net: nn.Module, conv: Conv, x: Activation, name: str) -> Any:
        return conv(features, kernel, strides, padding, name=name)(x, defer=True)

    return defers(build)


def pooling(pool: Callable[..., Any], *args: Any) -> Build:
    """A row that is a pool, in the dialect's padding."""
    return defers(lambda net, conv, x, name: pool(x, *args, style=net.switches.padding))


def defers(build: Build) -> Build:
    """Mark a row's function that takes, and may return, a Preactivation instead of an array."""
    build.__dict__["defers"] = True
    return build


def modules(build: Build, count: int = 1) -> Build:
    """Mark a row's function that is a chain of `count` residual modules.

    Of several, each is a `remat.unit` of its own.
    """
    build.__dict__["modules"] = count
    return build
