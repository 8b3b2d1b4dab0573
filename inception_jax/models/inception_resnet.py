"""Inception-ResNet-v1 and v2 (arXiv:1602.07261, Figures 10 to 19): residual Inception modules.

`inception_resnet_v2` is two networks: the paper's figures (Inception-v4's stem, 5, 10 and 5
modules) and the authors' code (Inception-v3's stem, 10, 20 and 10 narrower modules, a 1x1 of 1536
at the end), which they say is what they meant (tensorflow/models issue 1553) and which every
published weight has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models import inception_v3, inception_v4
from inception_jax.models.aux_head import AuxHead
from inception_jax.models.batch_norm import BatchNorm
from inception_jax.models.dialect import HE, SLIM_NORM, TORCH, Dialect, Norm, Preprocessing
from inception_jax.models.inception_resnet_blocks import (
    Block8,
    Block17,
    Block35,
    Residual,
    ResNetReductionB,
)
from inception_jax.models.inception_v3 import InceptionA, ReductionA
from inception_jax.models.layers import Conv, Dense
from inception_jax.models.lowering.preactivation import Preactivation
from inception_jax.models.lowering.repeat import repeat
from inception_jax.models.network import Head, Network
from inception_jax.models.rows import Build, Row, block, convolution, modules, reduction


@dataclass(frozen=True)
class ResNetV1Dialect(Dialect):
    """Inception-ResNet-v1's own switches.

    Attributes:
        last: whether a sixth block8, of scale 1 and without activation, ends the backbone.
        embedding: numbers that describe a face, before the classifier; 0 without that layer.
    """

    last: bool = False
    embedding: int = 0


@dataclass(frozen=True)
class ResNetV2Dialect(Dialect):
    """Inception-ResNet-v2's own switch.

    Attributes:
        drawn: the network of the paper's figures rather than that of its authors' code.
    """

    drawn: bool = False


V1_DIALECTS = {
    # Constants and initialiser: not in the paper; those of its authors' code of v2, with gamma.
    "paper": ResNetV1Dialect(
        source="arXiv:1602.07261",
        norm=Norm(decay=0.9997, epsilon=1e-3, scale=True),
        preprocessing=Preprocessing(299),
        kernel_init=HE,
        dropout=0.2,
    ),
    "facenet": ResNetV1Dialect(
        source="facenet-pytorch models/inception_resnet_v1.py, after facenet's",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        preprocessing=Preprocessing(
            160, crop=1.0, mean=(127.5, 127.5, 127.5), std=(128.0, 128.0, 128.0)
        ),
        kernel_init=TORCH,
        dropout=0.6,
        num_classes=0,
        published=0,
        last=True,
        embedding=512,
    ),
}

V2_DIALECTS = {
    "slim": ResNetV2Dialect(
        source="slim/nets/inception_resnet_v2.py",
        l2_biases=True,  # its arg_scope has a biases_regularizer, alone of the family
        norm=SLIM_NORM,
        preprocessing=Preprocessing(299, interpolation="tf1_bilinear"),
        kernel_init=HE,
        dropout=0.2,
        aux="slim",
        published=1001,
        background=True,
    ),
    "paper": ResNetV2Dialect(
        source="arXiv:1602.07261",
        norm=Norm(decay=0.9997, epsilon=1e-3, scale=True),
        preprocessing=Preprocessing(299),
        kernel_init=HE,
        dropout=0.2,
        drawn=True,
    ),
    "timm": ResNetV2Dialect(
        source="timm/models/inception_resnet_v2.py",
        norm=Norm(decay=0.9, epsilon=1e-3, scale=True, unbiased=True),
        preprocessing=Preprocessing(
            299, crop=0.8975, resize="short_side", interpolation="pil_bicubic"
        ),
        kernel_init=TORCH,
    ),
    "keras": ResNetV2Dialect(
        source="keras/applications/inception_resnet_v2.py",
        norm=Norm(decay=0.99, epsilon=1e-3, scale=False),
        preprocessing=Preprocessing(299),
        kernel_init=nn.initializers.glorot_uniform(),
    ),
}


def v1_stem(small: bool) -> tuple[Row, ...]:
    """Figure 14: Inception-v3's, with a 3x3/2 for its last pool."""
    if small:
        return (*inception_v3.SMALL_STEM, Row("conv_4b", convolution(256, 3), "ours", 16, 256))
    last = Row("conv_4b", convolution(256, 3, 2, "VALID"), "Figure 14", 35, 256)
    figured = [r._replace(figure="Figure 14") for r in inception_v3.STEM[:-1]]
    return (*figured, last)


def residual(kind: type[Residual], count: int, scale: float, **fields: Any) -> Build:
    """A row of `count` modules, of the published `scale` unless the network has its own."""

    def build(
        net: Network, conv: Conv, x: Float[Array, "b h w c"], name: str
    ) -> Float[Array, "b h2 w2 d"]:
        scales = net.residual_scale or scale
        return repeat(kind, count, scale=scales, **fields)(net, conv, x, name)

    return modules(build, count)


def v1_body(last: bool) -> tuple[Row, ...]:
    """Figure 15 below the stem."""
    block35 = residual(Block35, 5, scale=0.17, widths=(32, 32, 32))
    block17 = residual(Block17, 10, scale=0.10, widths=(128, 128, 128, 128))
    block8 = residual(Block8, 5, scale=0.20, widths=(192, 192, 192))
    sixth = repeat(Block8, 1, scale=1.0, widths=(192, 192, 192), relu=False)
    shrink_a = reduction(ReductionA, k=192, l=192, m=256, n=384)
    shrink_b = reduction(ResNetReductionB, widths=(256, 256, 256))
    rows = (
        Row("block35", block35, "Figure 10", 35, 256),
        Row("mixed_6a", shrink_a, "Figure 7", 17, 896),
        Row("block17", block17, "Figure 11", 17, 896),
        Row("mixed_7a", shrink_b, "Figure 12", 8, 1792),
        Row("block8", block8, "Figure 13", 8, 1792),
    )
    return (*rows, Row("block8_last", sixth, "facenet", 8, 1792)) if last else rows


def v2_stem(drawn: bool, small: bool) -> tuple[Row, ...]:
    """Inception-v4's in the figures; in the code Inception-v3's, and one Inception module."""
    family = inception_v4 if drawn else inception_v3
    stem = family.SMALL_STEM if small else family.STEM
    if drawn:
        return stem
    return (*stem, Row("mixed_5b", block(InceptionA, pool=64, one=96), "code", stem[-1].grid, 320))


def v2_body(drawn: bool) -> tuple[Row, ...]:
    """Figure 15 below the stem: 5, 10 and 5 modules drawn; 10, 20 and 10 in the code."""
    times = 1 if drawn else 2
    first, middle, end = (384, 1152, 2144) if drawn else (320, 1088, 2080)
    shrink_a = reduction(ReductionA, k=256, l=256, m=384, n=384)
    shrink_b = reduction(ResNetReductionB)
    block8 = residual(Block8, 5 if drawn else 9, scale=0.20)
    rows = (
        Row("block35", residual(Block35, 5 * times, scale=0.17), "Figure 16", 35, first),
        Row("mixed_6a", shrink_a, "Figure 7", 17, middle),
        Row("block17", residual(Block17, 10 * times, scale=0.10), "Figure 17", 17, middle),
        Row("mixed_7a", shrink_b, "Figure 18", 8, end),
        Row("block8", block8, "Figure 19", 8, end),
    )
    if drawn:
        return rows
    tenth = repeat(Block8, 1, scale=1.0, relu=False)
    return (
        *rows,
        Row("block8_last", tenth, "code", 8, end),
        Row("conv_7b", convolution(1536), "code", 8, 1536),
    )


class InceptionResNetV1(Network):
    """299x299x3 -> logits; v1_stem() and v1_body() are the architecture.

    With the `facenet` dialect: 160x160x3 -> an embedding of 512 (`endpoints["embedding"]`, of unit
    length) and, with `num_classes`, logits.
    """

    dialect: str = "paper"

    DIALECTS: ClassVar[dict[str, Any]] = V1_DIALECTS
    RESIDUAL: ClassVar[bool] = True
    SHORTCUTS: ClassVar[bool] = True
    NAME: ClassVar[str] = "inception_resnet_v1"
    PAPER: ClassVar[str] = "arXiv:1602.07261"

    def table(self) -> Sequence[Row]:
        """Figure 15, bottom to top."""
        return v1_stem(self.small) + v1_body(self.switches.last)

    def endpoint_names(self) -> tuple[str, ...]:
        """With facenet's embedding, after `pool`."""
        rows = super().endpoint_names()
        after = rows.index("pool") + 1
        added = ("embedding",) if self.switches.embedding else ()
        return (*rows[:after], *added, *rows[after:])

    def pre_logits(
        self, x: Float[Array, "b c"], train: bool, outputs: dict[str, Array | Preactivation]
    ) -> Float[Array, "b d"]:
        """Facenet's embedding: a layer without bias, and BatchNorm."""
        d = self.switches
        if not d.embedding:
            return x
        x = Dense(d.embedding, d.kernel_init, self.dtype, bias=not d.norm, name="embedding")(x)
        x = BatchNorm(d.norm, train, self.bn_group, name="bn")(x) if d.norm else x
        outputs["embedding"] = x / jnp.linalg.norm(x, axis=-1, keepdims=True)
        return x


class InceptionResNetV2(Network):
    """299x299x3 -> logits; v2_stem() and v2_body() are the architecture."""

    dialect: str = "slim"

    DIALECTS: ClassVar[dict[str, Any]] = V2_DIALECTS
    RESIDUAL: ClassVar[bool] = True
    SHORTCUTS: ClassVar[bool] = True
    NAME: ClassVar[str] = "inception_resnet_v2"
    PAPER: ClassVar[str] = "arXiv:1602.07261"
    HEADS: ClassVar[dict[str, Head]] = {"block17": AuxHead}

    def table(self) -> Sequence[Row]:
        """Figure 15, bottom to top."""
        return v2_stem(self.switches.drawn, self.small) + v2_body(self.switches.drawn)
