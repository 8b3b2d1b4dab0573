"""The structure of a block, read from its modules: branches of steps, as the figures draw them.

A step is one box: `1x7 224`, `3x3/2 V 192` (stride 2, no padding), `linear 1x1 8` (neither
BatchNorm nor ReLU), `separable 3x3 728`, `max 3x3/2 V`, `avg 3x3`,
`fc 1000`, `{1x3 8, 3x1 8}` (a fork).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from flax import linen as nn

from inception_jax.models.layers import ConvBN, Dense, Fork, SeparableConv, scaled, window
from inception_jax.models.pools import avg_pool, max_pool


class Block(NamedTuple):
    """The inside of a row.

    Attributes:
        branches: of steps, in the order of concatenation; none for a pool or a classifier.
        then: what follows the concatenation, in a residual block.
    """

    branches: tuple[tuple[str, ...], ...] = ()
    then: str = ""


def block(module: nn.Module) -> Block:
    """The structure of a bound block."""
    if isinstance(module, ConvBN | SeparableConv):
        return Block(((step(module),),))
    branches = tuple(tuple(map(step, branch)) for branch in getattr(module, "branch", ()))
    return Block(branches, getattr(module, "then", ""))


def step(layer: Callable[..., Any]) -> str:
    """One layer of a branch as a figure's box."""
    if isinstance(layer, Fork):
        return "{" + ", ".join(map(step, layer.arms)) + "}"
    if isinstance(layer, ConvBN):
        kind = "" if layer.norm or layer.relu else "linear"
        features = scaled(layer.features, layer.width)
        return _words(kind, layer.kernel, layer.strides, layer.padding, features)
    if isinstance(layer, Dense):
        return f"fc {layer.features}"
    if isinstance(layer, SeparableConv):
        features = scaled(layer.features, layer.conv.keywords["width"])
        return _words("separable", layer.kernel, layer.strides, "SAME", features)
    assert isinstance(layer, partial)
    given = dict(zip(("size", "strides", "padding"), layer.args, strict=False)) | layer.keywords
    kind, usual = {max_pool: ("max", 2), avg_pool: ("avg", 1)}[layer.func]
    size, strides = given.get("size", 3), given.get("strides", usual)
    return _words(kind, size, strides, given.get("padding", "SAME"))


def _words(
    kind: str, size: int | tuple[int, int], strides: int, padding: str, channels: int = 0
) -> str:
    height, width = window(size)
    shown = f"{height}x{width}" + (f"/{strides}" if strides > 1 else "")
    parts = (kind, shown, "V" if padding == "VALID" else "", str(channels or ""))
    return " ".join(filter(None, parts))
