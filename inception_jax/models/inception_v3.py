"""Inception-v3, "Rethinking the Inception Architecture" (arXiv:1512.00567), as it was released.

The paper's Table 1 is not the released network: it has another stem and 3, 5 and 2 modules. Every
published weight has the table below (TF-slim's `inception_v3.py`), whose channel counts the paper
gives only in part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models.aux_head import AuxHead
from inception_jax.models.dialect import HE, SLIM_NORM, Dialect, Norm, Preprocessing
from inception_jax.models.layers import Conv, Fork, check_fits
from inception_jax.models.lowering.siblings import concat
from inception_jax.models.network import Network
from inception_jax.models.pools import border, max_pool
from inception_jax.models.rows import Row, block, convolution, pooling


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
        preprocessing=Preprocessing(299),
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
        preprocessing=Preprocessing(299, resize="short_side"),
        kernel_init=nn.initializers.truncated_normal(0.1),
        padding="torch",
        count_include_pad=True,
        dropout=0.5,
        aux="torchvision",
    ),
    "timm": InceptionV3Dialect(
        source="timm/models/inception_v3.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        preprocessing=Preprocessing(299, resize="short_side", interpolation="bicubic"),
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

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` [b, h, w, c] to [b, h, w, 224 + pool]."""
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

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, c] to [b, h / 2, w / 2, 480 + c]."""
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

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` [b, h, w, c] to [b, h, w, 768]."""
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

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, c] to [b, h / 2, w / 2, 512 + c]."""
        check_fits(self, x, (3, 3), self.padding)
        return concat(self.branch, x)


class InceptionC(nn.Module):
    """Figure 7, on the 8x8 grid: branches that end in 1x3 and 3x1 side by side."""

    conv: Conv
    pool: str = "avg"  # the last branch's; the FID graph takes the maximum in 7c

    def setup(self) -> None:  # noqa: D102
        c = self.conv
        self.branch = (
            (c(320),),
            (c(384), Fork((c(384, (1, 3)), c(384, (3, 1))))),
            (c(448), c(384, 3), Fork((c(384, (1, 3)), c(384, (3, 1))))),
            (border(c) if self.pool == "avg" else partial(max_pool, strides=1), c(192)),
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Map `x` [b, h, w, c] to [b, h, w, 2048]."""
        return concat(self.branch, x)


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


def body(reduction: str, last_pool: str = "avg") -> tuple[Row, ...]:
    """The table below the stem.

    Args:
        reduction: padding of the two grid reductions.
        last_pool: of module 7c.
    """
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
        Row("mixed_7c", block(InceptionC, pool=last_pool), "Figure 7", 8, 2048),
    )


class InceptionV3(Network):
    """299x299x3 -> logits; STEM and body() are the architecture."""

    dialect: str = "slim"

    DIALECTS: ClassVar[dict[str, Any]] = DIALECTS
    NAME: ClassVar[str] = "inception_v3"
    PAPER: ClassVar[str] = "arXiv:1512.00567"

    def table(self) -> Sequence[Row]:
        """The released table, top to bottom."""
        last_pool = self.switches.last_pool
        if self.small:
            return SMALL_STEM + body("SAME", last_pool)
        return STEM + body("VALID", last_pool)

    def heads(self) -> dict[str, Callable[..., nn.Module]]:
        """The auxiliary head on the last 17x17 grid."""
        init = nn.initializers.truncated_normal
        head = partial(AuxHead, conv_init=init(0.01), logits_init=init(0.001))
        return {"mixed_6e": partial(head, small=self.small, dtype=self.dtype)}
