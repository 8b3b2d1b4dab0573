"""Inception-v4's modules, or Inception-ResNet-v2's on the same grids: two of each kind."""

from typing import Any, ClassVar

from chassis import dialects

from inception_jax.models.inception_resnet import residual
from inception_jax.models.inception_resnet_blocks import Block8, Block17, Block35, ResNetReductionB
from inception_jax.models.inception_v3 import ReductionA
from inception_jax.models.inception_v4 import (
    InceptionV4Dialect,
    V4InceptionA,
    V4InceptionB,
    V4InceptionC,
    V4ReductionB,
)
from inception_jax.models.network import Network
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Row, block, convolution, pooling, reduction

COUNT = 2  # modules of a grid


class Residual(Network):
    """The arms are its dialects: `inception` concatenates, `residual` adds what it makes."""

    dialect: str = "residual"
    PAPER: ClassVar[str] = "arXiv:1602.07261"
    DIALECTS: ClassVar[dict[str, Any]] = dialects(InceptionV4Dialect, inception={}, residual={})
    RESIDUAL: ClassVar[bool] = True

    def table(self):
        """One stem; Figure 9 or 15 below it, with two modules a grid."""
        stem = (
            Row("conv1", convolution(64, 3, 1 if self.small else 2), "ours", 32, 64),
            Row("pool1", pooling(max_pool, 3, 2), "ours", 16, 64),
            Row("conv2", convolution(384, 3, 1 if self.small else 2), "ours", 16, 384),
        )
        return stem + (self.residual_rows() if self.dialect == "residual" else self.v4_rows())

    def v4_rows(self):
        """Figures 4 to 8."""
        return (
            *(Row(f"mixed_5{i}", block(V4InceptionA), "Figure 4", 16, 384) for i in "bc"),
            Row("mixed_6a", reduction(ReductionA, k=192, l=224, m=256, n=384), "Figure 7", 8, 1024),
            *(Row(f"mixed_6{i}", block(V4InceptionB), "Figure 5", 8, 1024) for i in "bc"),
            Row("mixed_7a", reduction(V4ReductionB), "Figure 8", 4, 1536),
            *(Row(f"mixed_7{i}", block(V4InceptionC), "Figure 6", 4, 1536) for i in "bc"),
        )

    def residual_rows(self):
        """Figures 7 and 16 to 19."""
        return (
            Row("block35", residual(Block35, COUNT, scale=0.17), "Figure 16", 16, 384),
            Row("mixed_6a", reduction(ReductionA, k=256, l=256, m=384, n=384), "Figure 7", 8, 1152),
            Row("block17", residual(Block17, COUNT, scale=0.10), "Figure 17", 8, 1152),
            Row("mixed_7a", reduction(ResNetReductionB), "Figure 18", 4, 2144),
            Row("block8", residual(Block8, COUNT, scale=0.20), "Figure 19", 4, 2144),
        )
