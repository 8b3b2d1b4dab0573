"""Inception-v4 (arXiv:1602.07261, Figures 3 to 9): the stem, then 4 A, 7 B and 3 C modules.

The figures and the authors' code differ in the order of the 1x7 and 7x1 convolutions, which costs
nothing, and the figures have slips (tensorflow/models issues 3313 and 7041). `paper` is drawn as
the figures are; every published weight is `slim`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models.aux_head import AuxHead
from inception_jax.models.dialect import HE, SLIM_NORM, TORCH, Dialect, Norm, Preprocessing
from inception_jax.models.layers import Conv, Fork, check_fits
from inception_jax.models.lowering.preactivation import Activation
from inception_jax.models.lowering.siblings import concat
from inception_jax.models.network import Network
from inception_jax.models.pools import border, max_pool
from inception_jax.models.rows import Row, block, convolution, defers

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
        preprocessing=Preprocessing(299),
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
        preprocessing=Preprocessing(299, resize="short_side", interpolation="bicubic"),
        kernel_init=TORCH,
    ),
}


class Mixed3a(nn.Module):
    """Figure 3, first fork: 3x3/2 max-pool | 3x3/2 96."""

    conv: Conv
    padding: str = "VALID"

    def setup(self) -> None:  # noqa: D102
        self.branch = (
            (partial(max_pool, padding=self.padding),),
            (self.conv(96, 3, 2, self.padding),),
        )

    def __call__(self, x: Activation) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, 64] to [b, h / 2, w / 2, 160]."""
        check_fits(self, x, (3, 3), self.padding)
        return concat(self.branch, x)


class Mixed4a(nn.Module):
    """Figure 3, second fork: 1x1, 3x3 | 1x1, 7x1, 1x7, 3x3 (1x7 first in the code)."""

    conv: Conv
    drawn: bool
    padding: str = "VALID"

    def setup(self) -> None:  # noqa: D102
        c, pad = self.conv, self.padding
        first, second = (TALL, WIDE) if self.drawn else (WIDE, TALL)
        self.branch = (
            (c(64), c(96, 3, 1, pad)),
            (c(64), c(64, first), c(64, second), c(96, 3, 1, pad)),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, 160] to [b, h - 2, w - 2, 192]."""
        return concat(self.branch, x)


class Mixed5a(nn.Module):
    """Figure 3, third fork: 3x3/2 192 | 3x3/2 max-pool (the figure forgets the strides)."""

    conv: Conv
    padding: str = "VALID"

    def setup(self) -> None:  # noqa: D102
        self.branch = (
            (self.conv(192, 3, 2, self.padding),),
            (partial(max_pool, padding=self.padding),),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, 192] to [b, h / 2, w / 2, 384]."""
        check_fits(self, x, (3, 3), self.padding)
        return concat(self.branch, x)


class V4InceptionA(nn.Module):
    """Figure 4, on the 35x35 grid: 1x1 | 1x1, 3x3 | 1x1, 3x3, 3x3 | average pool, 1x1."""

    conv: Conv

    def setup(self) -> None:  # noqa: D102
        c = self.conv
        self.branch = (
            (c(96),),
            (c(64), c(96, 3)),
            (c(64), c(96, 3), c(96, 3)),
            (border(c), c(96)),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` [b, h, w, 384] to [b, h, w, 384]."""
        return concat(self.branch, x)


class V4ReductionA(nn.Module):
    """Figure 7 and Table 1, from 35x35 to 17x17: 3x3/2 n | 1x1 k, 3x3 l, 3x3/2 m | max-pool.

    The Inception-ResNets have it too, with their own k, l, m, n.
    """

    conv: Conv
    k: int
    l: int  # noqa: E741  (the paper's letter)
    m: int
    n: int
    padding: str = "VALID"

    def setup(self) -> None:  # noqa: D102
        c, pad = self.conv, self.padding
        self.branch = (
            (c(self.n, 3, 2, pad),),
            (c(self.k), c(self.l, 3), c(self.m, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, c] to [b, h / 2, w / 2, n + m + c]."""
        check_fits(self, x, (3, 3), self.padding)
        return concat(self.branch, x)


class V4InceptionB(nn.Module):
    """Figure 5, on the 17x17 grid: 1x1 | 1x1, 1x7, 7x1 | 1x1, 7x1, 1x7, 7x1, 1x7 | average pool.

    The figure has 1x7 twice in the second branch and 1x7 before 7x1 in the third.
    """

    conv: Conv
    drawn: bool

    def setup(self) -> None:  # noqa: D102
        c = self.conv
        first, second = (WIDE, TALL) if self.drawn else (TALL, WIDE)
        self.branch = (
            (c(384),),
            (c(192), c(224, WIDE), c(256, WIDE if self.drawn else TALL)),
            (c(192), c(192, first), c(224, second), c(224, first), c(256, second)),
            (border(c), c(128)),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` [b, h, w, 1024] to [b, h, w, 1024]."""
        return concat(self.branch, x)


class V4ReductionB(nn.Module):
    """Figure 8, from 17x17 to 8x8: 1x1, 3x3/2 | 1x1, 1x7, 7x1, 3x3/2 | max-pool."""

    conv: Conv
    padding: str = "VALID"

    def setup(self) -> None:  # noqa: D102
        c, pad = self.conv, self.padding
        self.branch = (
            (c(192), c(192, 3, 2, pad)),
            (c(256), c(256, WIDE), c(320, TALL), c(320, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, 1024] to [b, h / 2, w / 2, 1536]."""
        check_fits(self, x, (3, 3), self.padding)
        return concat(self.branch, x)


class V4InceptionC(nn.Module):
    """Figure 6, on the 8x8 grid: branches that end in 1x3 and 3x1 side by side.

    The figure has 1x3 before 3x1 in the third branch.
    """

    conv: Conv
    drawn: bool

    def setup(self) -> None:  # noqa: D102
        c = self.conv
        first, second = ((1, 3), (3, 1)) if self.drawn else ((3, 1), (1, 3))
        self.branch = (
            (c(256),),
            (c(384), Fork((c(256, (1, 3)), c(256, (3, 1))))),
            (c(384), c(448, first), c(512, second), Fork((c(256, (1, 3)), c(256, (3, 1))))),
            (border(c), c(256)),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` [b, h, w, 1536] to [b, h, w, 1536]."""
        return concat(self.branch, x)


def stem(drawn: bool) -> tuple[Row, ...]:
    """Figure 3."""
    return (
        Row("conv_1a", convolution(32, 3, 2, "VALID"), "Figure 3", 149, 32),
        Row("conv_2a", convolution(32, 3, 1, "VALID"), "Figure 3", 147, 32),
        Row("conv_2b", convolution(64, 3), "Figure 3", 147, 64),
        Row("mixed_3a", defers(block(Mixed3a)), "Figure 3", 73, 160),
        Row("mixed_4a", block(Mixed4a, drawn=drawn), "Figure 3", 71, 192),
        Row("mixed_5a", block(Mixed5a), "Figure 3", 35, 384),
    )


def small_stem(drawn: bool) -> tuple[Row, ...]:
    """Ours, for images of about 32 pixels: padding throughout, one stride of 2 instead of three.

    5a keeps its grid, so that its max-pool has stride 1 and its channels are those of the figure.
    """
    return (
        Row("conv_1a", convolution(32, 3), "ours", 32, 32),
        Row("conv_2a", convolution(32, 3), "ours", 32, 32),
        Row("conv_2b", convolution(64, 3), "ours", 32, 64),
        Row("mixed_3a", defers(block(Mixed3a, padding="SAME")), "ours", 16, 160),
        Row("mixed_4a", block(Mixed4a, drawn=drawn, padding="SAME"), "ours", 16, 192),
        Row("conv_5a", convolution(384, 3), "ours", 16, 384),
    )


def body(drawn: bool, reduction: str) -> tuple[Row, ...]:
    """Figure 9 below the stem; `reduction` is the padding of the two grid reductions."""
    a, c = block(V4InceptionA), block(V4InceptionC, drawn=drawn)
    b = block(V4InceptionB, drawn=drawn)
    shrink_a = block(V4ReductionA, k=192, l=224, m=256, n=384, padding=reduction)
    return (
        *(Row(f"mixed_5{i}", a, "Figure 4", 35, 384) for i in "bcde"),
        Row("mixed_6a", shrink_a, "Figure 7", 17, 1024),
        *(Row(f"mixed_6{i}", b, "Figure 5", 17, 1024) for i in "bcdefgh"),  # 6h feeds the head
        Row("mixed_7a", block(V4ReductionB, padding=reduction), "Figure 8", 8, 1536),
        *(Row(f"mixed_7{i}", c, "Figure 6", 8, 1536) for i in "bcd"),
    )


class InceptionV4(Network):
    """299x299x3 -> logits; stem() and body() are the architecture."""

    dialect: str = "slim"

    DIALECTS: ClassVar[dict[str, Any]] = DIALECTS
    NAME: ClassVar[str] = "inception_v4"
    PAPER: ClassVar[str] = "arXiv:1602.07261"

    def table(self) -> Sequence[Row]:
        """Figure 9, bottom to top."""
        drawn = self.switches.drawn
        if self.small:
            return small_stem(drawn) + body(drawn, "SAME")
        return stem(drawn) + body(drawn, "VALID")

    def heads(self) -> dict[str, Callable[..., nn.Module]]:
        """The auxiliary head on the last 17x17 grid."""
        return {"mixed_6h": partial(AuxHead, small=self.small, dtype=self.dtype)}
