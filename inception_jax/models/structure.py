"""The structure of a block, read from its modules: branches of steps, as the figures draw them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flax import linen as nn

from inception_jax.models.layers import ConvBN, Fork, SeparableConv, scaled, window
from inception_jax.models.pools import avg_pool, max_pool


@dataclass(frozen=True)
class Step:
    """One box of a figure.

    Attributes:
        kind: `conv`, `linear` (neither BatchNorm nor ReLU), `separable`, `max`, `avg` or `fork`.
        size: the window's height and width.
        strides: 1 or 2.
        valid: whether it does not pad (the figures' V).
        channels: of its output; 0 for a pool.
        arms: of a fork, side by side.
    """

    kind: str
    size: tuple[int, int] = (1, 1)
    strides: int = 1
    valid: bool = False
    channels: int = 0
    arms: tuple["Step", ...] = ()

    def __str__(self) -> str:
        """As in `1x7 224`, `3x3/2 V 192`, `max 3x3/2 V`, `{1x3 256, 3x1 256}`."""
        if self.arms:
            return "{" + ", ".join(map(str, self.arms)) + "}"
        window = f"{self.size[0]}x{self.size[1]}" + (f"/{self.strides}" if self.strides > 1 else "")
        kind = "" if self.kind == "conv" else self.kind
        parts = (kind, window, "V" if self.valid else "", str(self.channels or ""))
        return " ".join(filter(None, parts))


Branches = tuple[tuple[Step, ...], ...]


@dataclass(frozen=True)
class BranchedRow:
    """A row of a network's table.

    Attributes:
        branches: in the order of concatenation; none for a pool or a classifier.
        then: what follows the concatenation, in a residual block.
    """

    branches: Branches = ()
    then: str = ""

    def __bool__(self) -> bool:
        return bool(self.branches)


def block(module: nn.Module) -> BranchedRow:
    """The structure of a bound block."""
    if isinstance(module, ConvBN | SeparableConv):
        return BranchedRow(((step(module),),))
    branches = tuple(tuple(map(step, branch)) for branch in getattr(module, "branch", ()))
    return BranchedRow(branches, getattr(module, "then", ""))


def step(layer: Callable[..., Any]) -> Step:
    """One layer of a branch as a figure's box."""
    if isinstance(layer, ConvBN):
        kind = "conv" if layer.norm or layer.relu else "linear"
        features = scaled(layer.features, layer.width)
        valid = layer.padding == "VALID"
        return Step(kind, window(layer.kernel), layer.strides, valid, features)
    if isinstance(layer, SeparableConv):
        features = scaled(layer.features, layer.conv.keywords["width"])
        return Step("separable", window(layer.kernel), layer.strides, False, features)
    if isinstance(layer, Fork):
        return Step("fork", arms=tuple(map(step, layer.arms)))
    assert isinstance(layer, partial)
    return pool(layer)


def pool(layer: partial[Any]) -> Step:
    """A pool, given as `partial(max_pool, ...)` or `partial(avg_pool, ...)`."""
    given = dict(zip(("size", "strides", "padding"), layer.args, strict=False)) | layer.keywords
    kind, usual = {max_pool: ("max", 2), avg_pool: ("avg", 1)}[layer.func]
    size, strides = given.get("size", 3), given.get("strides", usual)
    return Step(kind, window(size), strides, given.get("padding") == "VALID")
