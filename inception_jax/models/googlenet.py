"""GoogLeNet, "Going deeper with convolutions" (arXiv:1409.4842): Table 1 and Figure 2(b)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

from flax import linen as nn
from jaxtyping import Array

from inception_jax.models.aux_head import GoogLeNetAuxHead
from inception_jax.models.branched import Branched
from inception_jax.models.dialect import (
    HE,
    IMAGENET_MEAN,
    SLIM_NORM,
    Dialect,
    Norm,
    Preprocessing,
)
from inception_jax.models.layers import Branch, Conv, local_response_norm
from inception_jax.models.network import Head, Network
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Build, Row, block, convolution, pooling
from inception_jax.models.whitening import FILTERS, ROW, whitening


@dataclass(frozen=True)
class GoogLeNetDialect(Dialect):
    """GoogLeNet's own switches.

    Attributes:
        five: side of the kernel in the branch the paper calls "5x5".
        lrn: local response normalisation in the stem.
        last_pool: side of the max-pool before module 5a.
    """

    five: int = 5
    lrn: bool = False
    last_pool: int = 3


DIALECTS = {
    # Initialisers: not in the paper; glorot and bias 0.2 are those of Caffe's bvlc_googlenet, from
    # memory. Crop and resize: the paper's are multi-crop only, so TF-slim's single crop stands in.
    "paper": GoogLeNetDialect(
        source="arXiv:1409.4842",
        norm=None,
        preprocessing=Preprocessing(224, mean=IMAGENET_MEAN, std=(1.0, 1.0, 1.0)),
        kernel_init=nn.initializers.glorot_uniform(),
        bias_init=nn.initializers.constant(0.2),
        lrn=True,
        dropout=0.4,
        aux="paper",
    ),
    "slim": GoogLeNetDialect(
        source="tf_slim/nets/inception_v1.py",
        norm=SLIM_NORM,
        preprocessing=Preprocessing(224, interpolation="tf1_bilinear"),
        kernel_init=nn.initializers.truncated_normal(0.01),
        logits_init=HE,  # its base's scope ends before the classifier
        five=3,
        last_pool=2,
        dropout=0.2,
        published=1001,
        background=True,
    ),
    # BN-GoogLeNet of 1512.00567's Table 3: Table 1 with BatchNorm in place of LRN and biases.
    "batchnorm": GoogLeNetDialect(
        source="arXiv:1512.00567, Table 3",
        norm=Norm(decay=0.9997, epsilon=1e-3, scale=True),
        preprocessing=Preprocessing(224),
        kernel_init=HE,
        dropout=0.4,
        aux="paper",
    ),
    "torchvision": GoogLeNetDialect(
        source="torchvision/models/googlenet.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        # The published weights are TensorFlow's: `transform_input` undoes torchvision's constants.
        preprocessing=Preprocessing(224, resize="short_side", interpolation="pil_bilinear"),
        kernel_init=nn.initializers.truncated_normal(0.01),
        five=3,
        padding="ceil",
        last_pool=2,
        dropout=0.2,
        aux="torchvision",
    ),
}


class Widths(NamedTuple):
    """Channels of one module, in Table 1's columns."""

    one: int  # 1x1
    reduce_3: int  # 1x1 before the 3x3
    three: int  # 3x3
    reduce_5: int  # 1x1 before the 5x5
    five: int  # 5x5
    pool: int  # 1x1 after the max-pool


# Table 1 of arXiv:1409.4842. #1x1  3x3r  3x3  5x5r  5x5  pool
TABLE_1 = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}


class Inception(Branched):
    """Figure 2(b): 1x1 | 1x1, 3x3 | 1x1, 5x5 | 3x3 max-pool, 1x1; any grid.

    The dialect's `five` is 3 in TF-slim and torchvision, whose "5x5" branch is a 3x3 (torchvision
    issue 906).
    """

    widths: Widths

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, w = self.conv, self.widths
        return (
            (c(w.one),),
            (c(w.reduce_3), c(w.three, 3)),
            (c(w.reduce_5), c(w.five, self.dialect.five)),
            (partial(max_pool, size=3, strides=1), c(w.pool)),
        )


def lrn(net: Network, conv: Conv, x: Array, name: str) -> Array:
    """Local response normalisation; `GoogLeNet.table` has it in the dialects that do."""
    return local_response_norm(x)


class NaiveInception(Branched):
    """Figure 2(a): 1x1 | 3x3 | 5x5 | 3x3 max-pool, which passes all of its channels on."""

    widths: Widths

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, w = self.conv, self.widths
        pool = partial(max_pool, size=3, strides=1)
        return ((c(w.one),), (c(w.three, 3),), (c(w.five, 5),), (pool,))


def inception(key: str) -> Build:
    """Module `key` of Table 1."""
    return block(Inception, widths=TABLE_1[key])


def last_pool(net: Network, conv: Conv, x: Array, name: str) -> Any:
    """The max-pool before 5a: 3x3/2 in the paper, 2x2/2 in TF-slim and torchvision."""
    return max_pool(x, net.switches.last_pool, 2, style=net.switches.padding)


STEM = (
    Row("conv1", convolution(64, 7, 2), "Table 1", 112, 64),
    Row("pool1", pooling(max_pool, 3, 2), "Table 1", 56, 64),
    Row("norm1", lrn, "Figure 3", 56, 64),
    Row("conv2_reduce", convolution(64, 1), "Table 1", 56, 64),
    Row("conv2", convolution(192, 3), "Table 1", 56, 192),
    Row("norm2", lrn, "Figure 3", 56, 192),
    Row("pool2", pooling(max_pool, 3, 2), "Table 1", 28, 192),
)

# Ours, for images of about 32 pixels: no stride before pool1 and no pool2, so that module 3a sees
# 16x16; the 7x7 becomes a 3x3, which spans as much of a small image.
SMALL_STEM = (
    Row("conv1", convolution(64, 3), "ours", 32, 64),
    Row("pool1", pooling(max_pool, 3, 2), "ours", 16, 64),
    Row("norm1", lrn, "Figure 3", 16, 64),
    Row("conv2_reduce", convolution(64, 1), "Table 1", 16, 64),
    Row("conv2", convolution(192, 3), "Table 1", 16, 192),
    Row("norm2", lrn, "Figure 3", 16, 192),
)

# Ours, for images of about 32 pixels: a whitened first layer, no overlap in pool1, no pool2.
WHITENED_STEM = (
    Row(ROW, whitening, "ours", 31, FILTERS),
    Row("conv1", convolution(64, 3), "ours", 31, 64),
    Row("pool1", pooling(max_pool, 2, 2, "VALID"), "ours", 15, 64),
    Row("norm1", lrn, "Figure 3", 15, 64),
    Row("conv2_reduce", convolution(64, 1), "Table 1", 15, 64),
    Row("conv2", convolution(192, 3), "Table 1", 15, 192),
    Row("norm2", lrn, "Figure 3", 15, 192),
)
STEMS = {"paper": STEM, "small": SMALL_STEM, "whitened": WHITENED_STEM}

BODY = (
    Row("inception_3a", inception("3a"), "Figure 2(b)", 28, 256),
    Row("inception_3b", inception("3b"), "Figure 2(b)", 28, 480),
    Row("pool3", pooling(max_pool, 3, 2), "Table 1", 14, 480),
    Row("inception_4a", inception("4a"), "Figure 2(b)", 14, 512),  # an auxiliary head reads this
    Row("inception_4b", inception("4b"), "Figure 2(b)", 14, 512),
    Row("inception_4c", inception("4c"), "Figure 2(b)", 14, 512),
    Row("inception_4d", inception("4d"), "Figure 2(b)", 14, 528),  # and this
    Row("inception_4e", inception("4e"), "Figure 2(b)", 14, 832),
    Row("pool4", last_pool, "Table 1", 7, 832),
    Row("inception_5a", inception("5a"), "Figure 2(b)", 7, 832),
    Row("inception_5b", inception("5b"), "Figure 2(b)", 7, 1024),
)


class GoogLeNet(Network):
    """224x224x3 -> logits; STEM and BODY are the architecture."""

    dialect: str = "paper"

    DIALECTS: ClassVar[dict[str, Any]] = DIALECTS
    NAME: ClassVar[str] = "googlenet"
    PAPER: ClassVar[str] = "arXiv:1409.4842"
    STEMS: ClassVar[tuple[str, ...]] = tuple(STEMS)
    HEADS: ClassVar[dict[str, Head]] = {
        "inception_4a": GoogLeNetAuxHead,
        "inception_4d": GoogLeNetAuxHead,
    }

    def table(self) -> Sequence[Row]:
        """Table 1, top to bottom."""
        rows = STEMS[self.stem] + BODY
        return tuple(r for r in rows if r.build is not lrn or self.switches.lrn)


class GoogLeNetNaive(GoogLeNet):
    """Table 1 with the modules of Figure 2(a): they only grow, to 4,944 channels.

    The paper draws the module and trains no such network; this one shows what the reductions are
    for.
    """

    DIALECTS: ClassVar[dict[str, Any]] = {"paper": DIALECTS["paper"]}
    NAME: ClassVar[str] = "googlenet_naive"

    def table(self) -> Sequence[Row]:
        """Table 1 with naive modules."""
        channels, rows = 192, []
        for row in super().table():
            key = row.name.removeprefix("inception_")
            if key in TABLE_1:
                w = TABLE_1[key]
                channels += w.one + w.three + w.five
                build = block(NaiveInception, widths=w)
                row = row._replace(build=build, figure="Figure 2(a)", channels=channels)
            elif row.name in ("pool3", "pool4"):
                row = row._replace(channels=channels)
            rows.append(row)
        return tuple(rows)
