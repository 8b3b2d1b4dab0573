"""Inception-v3, "Rethinking the Inception Architecture" (arXiv:1512.00567), as it was released.

The paper's Table 1 is not the released network: it has another stem and 3, 5 and 2 modules. Every
published weight has the table below (TF-slim's `inception_v3.py`), whose channel counts the paper
gives only in part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from flax import linen as nn

from inception_jax.models.aux_head import AuxHead
from inception_jax.models.branched import Branched, GridReduction
from inception_jax.models.dialect import HE, SLIM_NORM, TIMM_299, Dialect, Norm, Preprocessing
from inception_jax.models.layers import Branch, Fork
from inception_jax.models.network import Head, Network
from inception_jax.models.pools import border, max_pool
from inception_jax.models.rows import Row, block, convolution, pooling, reduction


@dataclass(frozen=True)
class InceptionV3Dialect(Dialect):
    """Inception-v3's own switch.

    Attributes:
        last_pool: `avg`, or `max` in the last module's last branch.
    """

    last_pool: str = "avg"


DIALECTS = {
    "slim": InceptionV3Dialect(
        source="tf_slim/nets/inception_v3.py",
        norm=SLIM_NORM,
        preprocessing=Preprocessing(299, interpolation="tf1_bilinear"),
        kernel_init=HE,
        dropout=0.2,
        aux="slim",
        published=1001,
        background=True,
    ),
    "torchvision": InceptionV3Dialect(
        source="torchvision/models/inception.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        # The published weights are TensorFlow's: `transform_input` undoes torchvision's constants.
        preprocessing=Preprocessing(299, resize="short_side", interpolation="pil_bilinear"),
        kernel_init=nn.initializers.truncated_normal(0.1),
        padding="torch",
        count_include_pad=True,
        dropout=0.5,
        aux="torchvision",
    ),
    "timm": InceptionV3Dialect(
        source="timm/models/inception_v3.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        preprocessing=TIMM_299,
        kernel_init=nn.initializers.truncated_normal(0.1),
        padding="torch",
        count_include_pad=True,  # its tf_in1k weights were trained without
        aux="timm",
    ),
    # The graph of 2015-12-05 that the Frechet Inception Distance is defined by.
    "fid": InceptionV3Dialect(
        source="pytorch_fid/inception.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        preprocessing=Preprocessing(299, crop=1.0),
        kernel_init=nn.initializers.truncated_normal(0.1),
        padding="torch",
        num_classes=1008,
        published=1008,
        background=True,
        last_pool="max",
    ),
    "keras": InceptionV3Dialect(
        source="keras/applications/inception_v3.py",
        norm=Norm(decay=0.99, epsilon=1e-3, scale=False),
        preprocessing=Preprocessing(299),
        kernel_init=nn.initializers.glorot_uniform(),
    ),
}


class InceptionA(Branched):
    """Figure 5, on the 35x35 grid: 1x1 | 5x5 | two 3x3 | average pool.

    The figure shows 3x3s only; the released code keeps a 48 -> 64 5x5 in the second branch.
    """

    pool: int  # channels after the average pool: 32, 64, 64
    one: int = 64  # channels of the 1x1; Inception-ResNet-v2's code has 96

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c = self.conv
        return (
            (c(self.one),),
            (c(48), c(64, 5)),
            (c(64), c(96, 3), c(96, 3)),
            (border(c), c(self.pool)),
        )


class ReductionA(GridReduction):
    """Figure 10, from 35x35 to 17x17: 3x3/2 n | 1x1 k, 3x3 l, 3x3/2 m | max-pool.

    Letters and widths: 1602.07261's Figure 7 and Table 1, which gives them for four networks.
    """

    k: int
    l: int  # noqa: E741  (the paper's letter)
    m: int
    n: int

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, pad = self.conv, self.padding
        return (
            (c(self.n, 3, 2, pad),),
            (c(self.k), c(self.l, 3), c(self.m, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )


class InceptionB(Branched):
    """Figure 6, n = 7, on the 17x17 grid: 7x7 convolutions as 1x7 and 7x1."""

    n7: int  # channels of the factorised branches: 128, 160, 160, 192

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, n = self.conv, self.n7
        return (
            (c(192),),
            (c(n), c(n, (1, 7)), c(192, (7, 1))),
            (c(n), c(n, (7, 1)), c(n, (1, 7)), c(n, (7, 1)), c(192, (1, 7))),
            (border(c), c(192)),
        )


class ReductionB(GridReduction):
    """From 17x17 to 8x8: 1x1, 3x3/2 | 1x1, 1x7, 7x1, 3x3/2 | max-pool; not drawn in the paper."""

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, pad = self.conv, self.padding
        return (
            (c(192), c(320, 3, 2, pad)),
            (c(192), c(192, (1, 7)), c(192, (7, 1)), c(192, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )


class InceptionC(Branched):
    """Figure 7, on the 8x8 grid: branches that end in 1x3 and 3x1 side by side."""

    last: bool = False  # of the network, where the FID graph pools by maximum

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c = self.conv
        maximum = self.last and self.dialect.last_pool == "max"
        return (
            (c(320),),
            (c(384), Fork((c(384, (1, 3)), c(384, (3, 1))))),
            (c(448), c(384, 3), Fork((c(384, (1, 3)), c(384, (3, 1))))),
            (partial(max_pool, strides=1) if maximum else border(c), c(192)),
        )


STEM = (
    Row("conv_1a", convolution(32, 3, 2, "VALID"), "Table 1", 149, 32),
    Row("conv_2a", convolution(32, 3, 1, "VALID"), "Table 1", 147, 32),
    Row("conv_2b", convolution(64, 3), "Table 1", 147, 64),
    Row("pool_3a", pooling(max_pool, 3, 2, "VALID"), "Table 1", 73, 64),
    Row("conv_3b", convolution(80, 1), "released", 73, 80),
    Row("conv_4a", convolution(192, 3, 1, "VALID"), "released", 71, 192),
    Row("pool_5a", pooling(max_pool, 3, 2, "VALID"), "released", 35, 192),
)

# Ours, for images of about 32 pixels: stride 1 and padding throughout, one pool instead of two.
SMALL_STEM = (
    Row("conv_1a", convolution(32, 3), "ours", 32, 32),
    Row("conv_2a", convolution(32, 3), "ours", 32, 32),
    Row("conv_2b", convolution(64, 3), "ours", 32, 64),
    Row("pool_3a", pooling(max_pool, 3, 2), "ours", 16, 64),
    Row("conv_3b", convolution(80, 1), "ours", 16, 80),
    Row("conv_4a", convolution(192, 3), "ours", 16, 192),
)


BODY = (
    Row("mixed_5b", block(InceptionA, pool=32), "Figure 5", 35, 256),
    Row("mixed_5c", block(InceptionA, pool=64), "Figure 5", 35, 288),
    Row("mixed_5d", block(InceptionA, pool=64), "Figure 5", 35, 288),
    Row("mixed_6a", reduction(ReductionA, k=64, l=96, m=96, n=384), "Figure 10", 17, 768),
    Row("mixed_6b", block(InceptionB, n7=128), "Figure 6", 17, 768),
    Row("mixed_6c", block(InceptionB, n7=160), "Figure 6", 17, 768),
    Row("mixed_6d", block(InceptionB, n7=160), "Figure 6", 17, 768),
    Row("mixed_6e", block(InceptionB, n7=192), "Figure 6", 17, 768),  # the auxiliary head's
    Row("mixed_7a", reduction(ReductionB), "released", 8, 1280),
    Row("mixed_7b", block(InceptionC), "Figure 7", 8, 2048),
    Row("mixed_7c", block(InceptionC, last=True), "Figure 7", 8, 2048),
)


class InceptionV3(Network):
    """299x299x3 -> logits; STEM and BODY are the architecture."""

    dialect: str = "slim"

    DIALECTS: ClassVar[dict[str, Any]] = DIALECTS
    NAME: ClassVar[str] = "inception_v3"
    PAPER: ClassVar[str] = "arXiv:1512.00567"
    HEADS: ClassVar[dict[str, Head]] = {
        "mixed_6e": partial(
            AuxHead,
            conv_init=nn.initializers.truncated_normal(0.01),
            logits_init=nn.initializers.truncated_normal(0.001),
        )
    }

    def table(self) -> Sequence[Row]:
        """The released table, top to bottom."""
        return (SMALL_STEM if self.small else STEM) + BODY
