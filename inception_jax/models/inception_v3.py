"""Inception-v3, "Rethinking the Inception Architecture" (arXiv:1512.00567), as it was released.

The paper's Table 1 is not the released network: it has another stem and 3, 5 and 2 modules. Every
published weight has the table below (TF-slim's `inception_v3.py`), whose channel counts the paper
gives only in part.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import jax
from flax import linen as nn

from inception_jax.models.dialect import IMAGENET_MEAN, IMAGENET_STD, Dialect, Norm, Preprocessing
from inception_jax.models.layers import Dense, Fork, avg_pool, check_fits, concat, max_pool
from inception_jax.models.network import Network, Row, block, convolution, pooling
from inception_jax.models.ops import wide

Array = jax.Array
Conv = Callable[..., Any]

DIALECTS = {
    "slim": Dialect(
        source="tf_slim/nets/inception_v3.py",
        norm=Norm(decay=0.9997, epsilon=1e-3, scale=False),
        preprocessing=Preprocessing(299),
        # slim.variance_scaling_initializer(): factor 2, fan in, truncated normal.
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal"),
        dropout=0.2,
        aux="slim",
        classes=1001,
    ),
    "torchvision": Dialect(
        source="torchvision/models/inception.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True),
        preprocessing=Preprocessing(299, resize="short_side", mean=IMAGENET_MEAN, std=IMAGENET_STD),
        kernel_init=nn.initializers.truncated_normal(0.1),
        padding="torch",
        count_include_pad=True,
        dropout=0.5,
        aux="torchvision",
    ),
    "keras": Dialect(
        source="keras/applications/inception_v3.py",
        norm=Norm(decay=0.99, epsilon=1e-3, scale=False),
        preprocessing=Preprocessing(299),
        kernel_init=nn.initializers.glorot_uniform(),
    ),
}


def border(conv: Any) -> Callable[[Array], Array]:
    """The 3x3 average pool of a module's last branch, with the dialect's border."""
    return partial(avg_pool, count_include_pad=conv.keywords["dialect"].count_include_pad)


class InceptionA(nn.Module):
    """Figure 5, on the 35x35 grid: 1x1 | 5x5 | two 3x3 | average pool.

    The figure shows 3x3s only; the released code keeps a 48 -> 64 5x5 in the second branch.
    """

    conv: Conv
    pool: int  # channels after the average pool: 32, 64, 64

    def setup(self) -> None:  # noqa: D102
        c = self.conv
        self.branch = (
            (c(64),),
            (c(48), c(64, 5)),
            (c(64), c(96, 3), c(96, 3)),
            (border(c), c(self.pool)),
        )

    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h, w, 224 + pool]."""
        return concat(self.branch, x)


class ReductionA(nn.Module):
    """Figure 10, from 35x35 to 17x17: 3x3/2 | 1x1, 3x3, 3x3/2 | max-pool."""

    conv: Conv
    padding: str = "VALID"

    def setup(self) -> None:  # noqa: D102
        c, pad = self.conv, self.padding
        self.branch = (
            (c(384, 3, 2, pad),),
            (c(64), c(96, 3), c(96, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )

    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h / 2, w / 2, 480 + c]."""
        check_fits(self, x, (3, 3), self.padding)
        return concat(self.branch, x)


class InceptionB(nn.Module):
    """Figure 6, n = 7, on the 17x17 grid: 7x7 convolutions as 1x7 and 7x1."""

    conv: Conv
    n7: int  # channels of the factorised branches: 128, 160, 160, 192

    def setup(self) -> None:  # noqa: D102
        c, n = self.conv, self.n7
        self.branch = (
            (c(192),),
            (c(n), c(n, (1, 7)), c(192, (7, 1))),
            (c(n), c(n, (7, 1)), c(n, (1, 7)), c(n, (7, 1)), c(192, (1, 7))),
            (border(c), c(192)),
        )

    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h, w, 768]."""
        return concat(self.branch, x)


class ReductionB(nn.Module):
    """From 17x17 to 8x8: 1x1, 3x3/2 | 1x1, 1x7, 7x1, 3x3/2 | max-pool; not drawn in the paper."""

    conv: Conv
    padding: str = "VALID"

    def setup(self) -> None:  # noqa: D102
        c, pad = self.conv, self.padding
        self.branch = (
            (c(192), c(320, 3, 2, pad)),
            (c(192), c(192, (1, 7)), c(192, (7, 1)), c(192, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )

    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h / 2, w / 2, 512 + c]."""
        check_fits(self, x, (3, 3), self.padding)
        return concat(self.branch, x)


class InceptionC(nn.Module):
    """Figure 7, on the 8x8 grid: branches that end in 1x3 and 3x1 side by side."""

    conv: Conv

    def setup(self) -> None:  # noqa: D102
        c = self.conv
        self.branch = (
            (c(320),),
            (c(384), Fork((c(384, (1, 3)), c(384, (3, 1))))),
            (c(448), c(384, 3), Fork((c(384, (1, 3)), c(384, (3, 1))))),
            (border(c), c(192)),
        )

    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, h, w, c] to [b, h, w, 2048]."""
        return concat(self.branch, x)


class AuxHead(nn.Module):
    """Section 4's side classifier, with BatchNorm: average pool 5x5/3, 1x1 128, 5x5 768, linear.

    The 5x5 spans the whole pooled grid (17 -> 5 -> 1). A smaller grid is refused, unless the stem
    is small: then both windows span at most the grid, as TF-slim's `_reduced_kernel_size` has it.
    """

    conv: Conv
    num_classes: int
    train: bool
    small: bool
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps `x` [b, 17, 17, 768] to logits [b, num_classes]."""
        size = min(5, *x.shape[1:3]) if self.small else 5
        check_fits(self, x, (size, size), "VALID")
        x = self.conv(128, name="conv0")(avg_pool(x, size, 3, "VALID"))
        size = min(5, *x.shape[1:3]) if self.small else 5
        init = nn.initializers.truncated_normal
        x = self.conv(768, size, 1, "VALID", kernel_init=init(0.01), name="conv1")(x)
        logits_dtype = wide(self.dtype)
        x = x.astype(logits_dtype).mean(axis=(1, 2))  # one pixel at 299, as torchvision allows more
        return Dense(self.num_classes, init(0.001), logits_dtype, name="logits")(x)


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


def body(reduction: str) -> tuple[Row, ...]:
    """The table below the stem; `reduction` is the padding of the two grid reductions."""
    return (
        Row("mixed_5b", block(InceptionA, pool=32), "Figure 5", 35, 256),
        Row("mixed_5c", block(InceptionA, pool=64), "Figure 5", 35, 288),
        Row("mixed_5d", block(InceptionA, pool=64), "Figure 5", 35, 288),
        Row("mixed_6a", block(ReductionA, padding=reduction), "Figure 10", 17, 768),
        Row("mixed_6b", block(InceptionB, n7=128), "Figure 6", 17, 768),
        Row("mixed_6c", block(InceptionB, n7=160), "Figure 6", 17, 768),
        Row("mixed_6d", block(InceptionB, n7=160), "Figure 6", 17, 768),
        Row("mixed_6e", block(InceptionB, n7=192), "Figure 6", 17, 768),  # the auxiliary head's
        Row("mixed_7a", block(ReductionB, padding=reduction), "released", 8, 1280),
        Row("mixed_7b", block(InceptionC), "Figure 7", 8, 2048),
        Row("mixed_7c", block(InceptionC), "Figure 7", 8, 2048),
    )


class InceptionV3(Network):
    """299x299x3 -> logits; STEM and body() are the architecture."""

    dialect: str = "slim"

    DIALECTS: ClassVar[dict[str, Dialect]] = DIALECTS
    NAME: ClassVar[str] = "inception_v3"
    PAPER: ClassVar[str] = "arXiv:1512.00567"

    def rows(self) -> Sequence[Row]:
        """The released table, top to bottom."""
        return SMALL_STEM + body("SAME") if self.small else STEM + body("VALID")

    def heads(self) -> dict[str, Callable[..., nn.Module]]:
        """The auxiliary head on the last 17x17 grid."""
        return {"mixed_6e": partial(AuxHead, small=self.small, dtype=self.dtype)}
