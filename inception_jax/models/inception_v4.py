"""Inception-v4 (arXiv:1602.07261, Figures 3 to 9): the stem, then 4 A, 7 B and 3 C modules.

The figures and the authors' code differ in the order of the 1x7 and 7x1 convolutions, which costs
nothing, and the figures have slips (tensorflow/models issues 3313 and 7041). `paper` is drawn as
the figures are; every published weight is `slim`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from inception_jax.models.aux_head import AuxHead
from inception_jax.models.branched import Branched, GridReduction
from inception_jax.models.dialect import (
    HE,
    SLIM_NORM,
    TIMM_299,
    TORCH,
    Dialect,
    Norm,
    Preprocessing,
)
from inception_jax.models.inception_v3 import ReductionA
from inception_jax.models.layers import Branch, Fork
from inception_jax.models.network import Head, Network
from inception_jax.models.pools import border, max_pool
from inception_jax.models.rows import Row, block, convolution, defers, reduction

WIDE, TALL = (1, 7), (7, 1)


@dataclass(frozen=True)
class InceptionV4Dialect(Dialect):
    """Inception-v4's own switch.

    Attributes:
        drawn: whether 1x7, 7x1, 1x3 and 3x1 follow each other as in the figures rather than as in
            the code.
    """

    drawn: bool = False


DIALECTS = {
    "slim": InceptionV4Dialect(
        source="slim/nets/inception_v4.py",
        norm=SLIM_NORM,
        preprocessing=Preprocessing(299, interpolation="tf1_bilinear"),
        kernel_init=HE,
        dropout=0.2,
        aux="slim",
        published=1001,
        background=True,
    ),
    # Constants, initialiser and auxiliary head: not in the paper; those of its authors' code.
    "paper": InceptionV4Dialect(
        source="arXiv:1602.07261",
        norm=SLIM_NORM,
        preprocessing=Preprocessing(299),
        kernel_init=HE,
        dropout=0.2,
        drawn=True,
    ),
    "timm": InceptionV4Dialect(
        source="timm/models/inception_v4.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        preprocessing=TIMM_299,
        kernel_init=TORCH,
    ),
}


class Mixed3a(GridReduction):
    """Figure 3, first fork: 3x3/2 max-pool | 3x3/2 96."""

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        return (
            (partial(max_pool, padding=self.padding),),
            (self.conv(96, 3, 2, self.padding),),
        )


class Mixed4a(GridReduction):
    """Figure 3, second fork: 1x1, 3x3 | 1x1, 7x1, 1x7, 3x3 (1x7 first in the code)."""

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, pad = self.conv, self.padding
        first, second = (TALL, WIDE) if self.dialect.drawn else (WIDE, TALL)
        return (
            (c(64), c(96, 3, 1, pad)),
            (c(64), c(64, first), c(64, second), c(96, 3, 1, pad)),
        )


class Mixed5a(GridReduction):
    """Figure 3, third fork: 3x3/2 192 | 3x3/2 max-pool (the figure forgets the strides)."""

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        return (
            (self.conv(192, 3, 2, self.padding),),
            (partial(max_pool, padding=self.padding),),
        )


class V4InceptionA(Branched):
    """Figure 4, on the 35x35 grid: 1x1 | 1x1, 3x3 | 1x1, 3x3, 3x3 | average pool, 1x1."""

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c = self.conv
        return (
            (c(96),),
            (c(64), c(96, 3)),
            (c(64), c(96, 3), c(96, 3)),
            (border(c), c(96)),
        )


class V4InceptionB(Branched):
    """Figure 5, on the 17x17 grid: 1x1 | 1x1, 1x7, 7x1 | 1x1, 7x1, 1x7, 7x1, 1x7 | average pool.

    The figure has 1x7 twice in the second branch and 1x7 before 7x1 in the third.
    """

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c = self.conv
        first, second = (WIDE, TALL) if self.dialect.drawn else (TALL, WIDE)
        return (
            (c(384),),
            (c(192), c(224, WIDE), c(256, WIDE if self.dialect.drawn else TALL)),
            (c(192), c(192, first), c(224, second), c(224, first), c(256, second)),
            (border(c), c(128)),
        )


class V4ReductionB(GridReduction):
    """Figure 8, from 17x17 to 8x8: 1x1, 3x3/2 | 1x1, 1x7, 7x1, 3x3/2 | max-pool."""

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, pad = self.conv, self.padding
        return (
            (c(192), c(192, 3, 2, pad)),
            (c(256), c(256, WIDE), c(320, TALL), c(320, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )


class V4InceptionC(Branched):
    """Figure 6, on the 8x8 grid: branches that end in 1x3 and 3x1 side by side.

    The figure has 1x3 before 3x1 in the third branch.
    """

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c = self.conv
        first, second = ((1, 3), (3, 1)) if self.dialect.drawn else ((3, 1), (1, 3))
        return (
            (c(256),),
            (c(384), Fork((c(256, (1, 3)), c(256, (3, 1))))),
            (c(384), c(448, first), c(512, second), Fork((c(256, (1, 3)), c(256, (3, 1))))),
            (border(c), c(256)),
        )


STEM = (
    Row("conv_1a", convolution(32, 3, 2, "VALID"), "Figure 3", 149, 32),
    Row("conv_2a", convolution(32, 3, 1, "VALID"), "Figure 3", 147, 32),
    Row("conv_2b", convolution(64, 3), "Figure 3", 147, 64),
    Row("mixed_3a", defers(reduction(Mixed3a)), "Figure 3", 73, 160),
    Row("mixed_4a", reduction(Mixed4a), "Figure 3", 71, 192),
    Row("mixed_5a", reduction(Mixed5a), "Figure 3", 35, 384),
)

# Ours, for images of about 32 pixels: padding throughout, one stride of 2 instead of three. 5a
# keeps its grid: a 3x3 of the figure's channels.
SMALL_STEM = (
    Row("conv_1a", convolution(32, 3), "ours", 32, 32),
    Row("conv_2a", convolution(32, 3), "ours", 32, 32),
    Row("conv_2b", convolution(64, 3), "ours", 32, 64),
    Row("mixed_3a", defers(reduction(Mixed3a)), "ours", 16, 160),
    Row("mixed_4a", reduction(Mixed4a), "ours", 16, 192),
    Row("conv_5a", convolution(384, 3), "ours", 16, 384),
)

BODY = (
    *(Row(f"mixed_5{i}", block(V4InceptionA), "Figure 4", 35, 384) for i in "bcde"),
    Row("mixed_6a", reduction(ReductionA, k=192, l=224, m=256, n=384), "Figure 7", 17, 1024),
    *(Row(f"mixed_6{i}", block(V4InceptionB), "Figure 5", 17, 1024) for i in "bcdefgh"),
    Row("mixed_7a", reduction(V4ReductionB), "Figure 8", 8, 1536),
    *(Row(f"mixed_7{i}", block(V4InceptionC), "Figure 6", 8, 1536) for i in "bcd"),
)


class InceptionV4(Network):
    """299x299x3 -> logits; STEM and BODY are the architecture."""

    dialect: str = "slim"

    DIALECTS: ClassVar[dict[str, Any]] = DIALECTS
    NAME: ClassVar[str] = "inception_v4"
    PAPER: ClassVar[str] = "arXiv:1602.07261"
    HEADS: ClassVar[dict[str, Head]] = {"mixed_6h": AuxHead}

    def table(self) -> Sequence[Row]:
        """Figure 9, bottom to top."""
        return (SMALL_STEM if self.small else STEM) + BODY
