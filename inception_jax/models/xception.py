"""Xception (arXiv:1610.02357), Figure 5: Inception modules taken to depthwise separable ones."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models import block_monitors, probes
from inception_jax.models.dialect import Dialect, Norm, Preprocessing
from inception_jax.models.layers import Conv, SeparableConv, run
from inception_jax.models.lowering import remat
from inception_jax.models.lowering.preactivation import materialize
from inception_jax.models.network import Network
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Build, Row, convolution, modules
from inception_jax.models.stochastic_depth import drop_path, rates

DIALECTS = {
    "keras": Dialect(
        source="keras/applications/xception.py",
        norm=Norm(decay=0.99, epsilon=1e-3, scale=True),
        preprocessing=Preprocessing(299),
        kernel_init=nn.initializers.glorot_uniform(),
    ),
    # The same weights with another epsilon, and torch's padding of strided pools.
    "timm": Dialect(
        source="timm/models/xception.py (legacy_xception)",
        norm=Norm(decay=0.9, epsilon=1e-5, scale=True, unbiased=True),
        preprocessing=Preprocessing(
            299, crop=0.8975, resize="short_side", interpolation="pil_bicubic"
        ),
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal"),
        padding="torch",
    ),
}


class EntryBlock(nn.Module):
    """Figure 5, entry and exit flow: two separable 3x3s and a 3x3/2 max-pool beside a 1x1/2.

    `relu` is false in the first block, whose input is an activation already. With `strides` 1 (the
    small stem's) both sides keep the grid.
    """

    conv: Conv
    features: tuple[int, int]
    relu: bool = True
    strides: int = 2
    drop: float = 0.0  # rate of stochastic depth

    then: ClassVar[str] = "+ the first branch"

    def setup(self) -> None:  # noqa: D102
        c, (first, second) = self.conv, self.features
        style = c.keywords["dialect"].padding
        pool = (partial(max_pool, strides=self.strides, style=style),) if self.strides > 1 else ()
        self.branch = (
            (c(second, 1, self.strides, relu=False),),
            (SeparableConv(c, first), SeparableConv(c, second), *pool),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, c] to [b, h / strides, w / strides, features[1]]."""
        (skip,), (first, second, *pool) = self.branch
        y = first(nn.relu(x) if self.relu else x)
        y = materialize(run(pool, second(nn.relu(y))))
        x = skip(x)
        block_monitors.residual(self, y, x)
        y = drop_path(self, y, self.drop, self.conv.keywords["train"])
        x, y = probes.branches(self, (x, y))
        return remat.named(y + x, remat.BLOCK)


class MiddleBlock(nn.Module):
    """Figure 5, middle flow: x plus three separable 3x3s, each behind a ReLU."""

    conv: Conv
    features: int = 728
    drop: float = 0.0  # rate of stochastic depth
    then: ClassVar[str] = "+ input"

    def setup(self) -> None:  # noqa: D102
        self.branch = (tuple(SeparableConv(self.conv, self.features) for _ in range(3)),)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` [b, h, w, 728] to [b, h, w, 728]."""
        y = x
        for layer in self.branch[0]:
            y = layer(nn.relu(y))
        block_monitors.residual(self, y, x)
        y = drop_path(self, y, self.drop, self.conv.keywords["train"])
        x, (y,) = probes.path(self, probes.SHORTCUT, x), probes.branches(self, (y,))
        return remat.named(x + y, remat.BLOCK)


def module(kind: type[nn.Module], **fields: Any) -> Build:
    """A row that is one block."""

    def build(net: Network, conv: Conv, x: Float[Array, "b h w c"], name: str) -> Array:
        (rate,) = rates(net.rows(), name, net.drop_path)
        return kind(conv, drop=rate, name=name, **fields)(x)

    return modules(build)


def separable(features: int) -> Build:
    """A row of the exit flow: a separable 3x3, then ReLU."""
    return lambda net, conv, x, name: nn.relu(SeparableConv(conv, features, name=name)(x))


STEM = (
    Row("conv_1", convolution(32, 3, 2, "VALID"), "Figure 5", 149, 32),
    Row("conv_2", convolution(64, 3, 1, "VALID"), "Figure 5", 147, 64),
    Row("block_1", module(EntryBlock, features=(128, 128), relu=False), "Figure 5", 74, 128),
)

# Ours, for images of about 32 pixels: stride 1 and padding before block 2.
SMALL_STEM = (
    Row("conv_1", convolution(32, 3), "ours", 32, 32),
    Row("conv_2", convolution(64, 3), "ours", 32, 64),
    Row(
        "block_1",
        module(EntryBlock, features=(128, 128), relu=False, strides=1),
        "ours",
        32,
        128,
    ),
)

BODY = (
    Row("block_2", module(EntryBlock, features=(256, 256)), "Figure 5", 37, 256),
    Row("block_3", module(EntryBlock, features=(728, 728)), "Figure 5", 19, 728),
    *(Row(f"block_{i}", module(MiddleBlock), "Figure 5", 19, 728) for i in range(4, 12)),
    Row("block_12", module(EntryBlock, features=(728, 1024)), "Figure 5", 10, 1024),
    Row("conv_3", separable(1536), "Figure 5", 10, 1536),
    Row("conv_4", separable(2048), "Figure 5", 10, 2048),
)


class Xception(Network):
    """299x299x3 -> logits; STEM and BODY are the architecture."""

    dialect: str = "keras"

    DIALECTS: ClassVar[dict[str, Dialect]] = DIALECTS
    SHORTCUTS: ClassVar[bool] = True
    NAME: ClassVar[str] = "xception"
    PAPER: ClassVar[str] = "arXiv:1610.02357"

    def table(self) -> Sequence[Row]:
        """Figure 5, top to bottom."""
        return (SMALL_STEM if self.small else STEM) + BODY
