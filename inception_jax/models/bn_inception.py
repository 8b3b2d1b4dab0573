"""BN-Inception, "Batch Normalization" (arXiv:1502.03167), Figure 5 (TF-slim: inception_v2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models.branched import Branched
from inception_jax.models.dialect import HE, SLIM_NORM, Dialect, Norm, Preprocessing
from inception_jax.models.googlenet import GoogLeNet
from inception_jax.models.layers import Branch, Conv, SeparableConv
from inception_jax.models.network import Head, Network
from inception_jax.models.pools import border, max_pool
from inception_jax.models.rows import Build, Row, block, convolution, pooling


@dataclass(frozen=True)
class BNInceptionDialect(Dialect):
    """BN-Inception's own switches.

    Attributes:
        pool_4c: channels after the pool of 4c and 4d. The figure's widths (128) sum to 608 where
            its output column says 576; TF-slim takes 96, which gives 576.
        separable: the 7x7 convolution of the stem as 8 filters a colour, then a 1x1. So the
            paper and TF-slim; published parameter counts are with a plain convolution.
    """

    pool_4c: int = 128
    separable: bool = False


DIALECTS = {
    # Initialiser, constants and preprocessing: not in the paper; He's and TF-slim's.
    "paper": BNInceptionDialect(
        source="arXiv:1502.03167",
        norm=Norm(decay=0.9997, epsilon=1e-3, scale=True),
        preprocessing=Preprocessing(224),
        kernel_init=HE,
        aux="paper",
    ),
    "slim": BNInceptionDialect(
        source="tf_slim/nets/inception_v2.py",
        norm=SLIM_NORM,
        preprocessing=Preprocessing(224, interpolation="tf1_bilinear"),
        kernel_init=HE,
        dropout=0.2,
        published=1001,
        background=True,
        pool_4c=96,
        separable=True,
    ),
    "cadene": BNInceptionDialect(
        source="pretrainedmodels/models/bninception.py",
        norm=Norm(decay=0.9, epsilon=1e-5, scale=True, unbiased=True),
        # Caffe's: blue first, means only.
        preprocessing=Preprocessing(
            224,
            resize="short_side",
            interpolation="pil_bilinear",
            mean=(128.0, 117.0, 104.0),
            std=(1.0, 1.0, 1.0),
            channels="bgr",
        ),
        bias=True,
        padding="ceil",
        count_include_pad=True,
    ),
}


class BNWidths(NamedTuple):
    """Channels of one module, in Figure 5's columns."""

    one: int  # 1x1; 0 in a module of stride 2
    reduce_3: int  # 1x1 before the 3x3
    three: int  # 3x3
    reduce_d: int  # 1x1 before the double 3x3
    double: int  # each of the double 3x3
    pool: int  # 1x1 after the pool; 0 passes the pool on


# Figure 5 of arXiv:1502.03167.
FIGURE_5 = {
    "3a": BNWidths(64, 64, 64, 64, 96, 32),
    "3b": BNWidths(64, 64, 96, 64, 96, 64),
    "3c": BNWidths(0, 128, 160, 64, 96, 0),
    "4a": BNWidths(224, 64, 96, 96, 128, 128),
    "4b": BNWidths(192, 96, 128, 96, 128, 128),
    "4c": BNWidths(160, 128, 160, 128, 160, 128),
    "4d": BNWidths(96, 128, 192, 160, 192, 128),
    "4e": BNWidths(0, 128, 192, 192, 256, 0),
    "5a": BNWidths(352, 192, 320, 160, 224, 128),
    "5b": BNWidths(352, 192, 320, 192, 224, 128),
}


class BNInceptionModule(Branched):
    """1x1 | 1x1, 3x3 | 1x1, 3x3, 3x3 | pool, 1x1; the pool is the maximum in 5b only."""

    widths: BNWidths
    max: bool = False
    narrowed: bool = False  # 4c and 4d, whose pool's channels the dialect gives

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, w = self.conv, self.widths
        pool = partial(max_pool, strides=1) if self.max else border(c)
        channels = self.dialect.pool_4c if self.narrowed else w.pool
        return (
            (c(w.one),),
            (c(w.reduce_3), c(w.three, 3)),
            (c(w.reduce_d), c(w.double, 3), c(w.double, 3)),
            (pool, c(channels)),
        )


class Reduction(Branched):
    """3c and 4e, which halve the grid: 1x1, 3x3/2 | 1x1, 3x3, 3x3/2 | max-pool, passed on."""

    widths: BNWidths

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, w = self.conv, self.widths
        return (
            (c(w.reduce_3), c(w.three, 3, 2)),
            (c(w.reduce_d), c(w.double, 3), c(w.double, 3, 2)),
            (partial(max_pool, style=self.dialect.padding),),
        )


def inception(key: str, **fields: Any) -> Build:
    """Module `key` of Figure 5, of stride 1."""
    return block(BNInceptionModule, widths=FIGURE_5[key], **fields)


def halving(key: str) -> Build:
    """Module `key` of Figure 5, of stride 2."""
    return block(Reduction, widths=FIGURE_5[key])


def conv1(
    net: Network, conv: Conv, x: Float[Array, "b h w c"], name: str
) -> Float[Array, "b h2 w2 d"]:
    """The 7x7/2 convolution, plain or separable."""
    if not net.switches.separable:
        return conv(64, 7, 2, name=name)(x)
    # slim's scope gives the depthwise weights N(0, 1) and this layer no BatchNorm.
    return nn.relu(SeparableConv(conv, 64, 7, 2, multiplier=8, norm=False, name=name)(x))


STEM = (
    Row("conv1", conv1, "Figure 5", 112, 64),
    Row("pool1", pooling(max_pool, 3, 2), "Figure 5", 56, 64),
    Row("conv2_reduce", convolution(64), "Figure 5", 56, 64),
    Row("conv2", convolution(192, 3), "Figure 5", 56, 192),
    Row("pool2", pooling(max_pool, 3, 2), "Figure 5", 28, 192),
)

# Ours, for images of about 32 pixels, as GoogLeNet's.
SMALL_STEM = (
    Row("conv1", convolution(64, 3), "ours", 32, 64),
    Row("pool1", pooling(max_pool, 3, 2), "ours", 16, 64),
    Row("conv2_reduce", convolution(64), "Figure 5", 16, 64),
    Row("conv2", convolution(192, 3), "Figure 5", 16, 192),
)


def body(pool_4c: int) -> tuple[Row, ...]:
    """Figure 5 below the stem."""
    less = 128 - pool_4c  # the figure's output column says 576, 576 and 1024 here
    return (
        Row("inception_3a", inception("3a"), "Figure 5", 28, 256),
        Row("inception_3b", inception("3b"), "Figure 5", 28, 320),
        Row("inception_3c", halving("3c"), "Figure 5", 14, 576),
        Row("inception_4a", inception("4a"), "Figure 5", 14, 576),
        Row("inception_4b", inception("4b"), "Figure 5", 14, 576),
        Row("inception_4c", inception("4c", narrowed=True), "Figure 5", 14, 608 - less),
        Row("inception_4d", inception("4d", narrowed=True), "Figure 5", 14, 608 - less),
        Row("inception_4e", halving("4e"), "Figure 5", 7, 1056 - less),
        Row("inception_5a", inception("5a"), "Figure 5", 7, 1024),
        Row("inception_5b", inception("5b", max=True), "Figure 5", 7, 1024),
    )


class BNInception(Network):
    """224x224x3 -> logits; STEM and body() are the architecture.

    The paper's side classifiers are GoogLeNet's with BatchNorm; where they sit is not said, so here
    they read 4a and 4d as there. No released code has them.
    """

    dialect: str = "paper"

    DIALECTS: ClassVar[dict[str, Any]] = DIALECTS
    NAME: ClassVar[str] = "bn_inception"
    PAPER: ClassVar[str] = "arXiv:1502.03167"
    HEADS: ClassVar[dict[str, Head]] = GoogLeNet.HEADS

    def table(self) -> Sequence[Row]:
        """Figure 5, top to bottom."""
        return (SMALL_STEM if self.small else STEM) + body(self.switches.pool_4c)
