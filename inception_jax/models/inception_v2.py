"""Inception-v2 of "Rethinking the Inception Architecture" (arXiv:1512.00567), Table 1.

Not TF-slim's `inception_v2`, which is BN-Inception. The paper gives the grids and the channels
between the modules; the channels inside are those of the released v3, whose modules these are, and
the 7x7 branches of the five 17x17 modules are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flax import linen as nn

from inception_jax.models.aux_head import GoogLeNetAuxHead
from inception_jax.models.dialect import SLIM_NORM, Dialect, Preprocessing
from inception_jax.models.inception_v3 import (
    InceptionA,
    InceptionB,
    InceptionC,
    ReductionA,
    ReductionB,
)
from inception_jax.models.network import Head, Network
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Row, block, convolution, pooling, reduction


@dataclass(frozen=True)
class InceptionV2Dialect(Dialect):
    """Inception-v2's own switch.

    Attributes:
        factorized: the first 7x7 convolution as three 3x3s.
    """

    factorized: bool = True


COMMON: dict[str, Any] = {
    # Constants and initialiser: not in the paper; those of the authors' first code.
    "norm": SLIM_NORM,
    "preprocessing": Preprocessing(299),
    "kernel_init": nn.initializers.truncated_normal(0.1),
    "dropout": 0.2,
    "aux": "paper",
}

DIALECTS = {
    "paper": InceptionV2Dialect(source="arXiv:1512.00567, Table 1", **COMMON),
    # The ablation counts the factorised 7x7 among what makes v3 of v2; Table 1 has it already.
    "table3": InceptionV2Dialect(source="arXiv:1512.00567, Table 3", factorized=False, **COMMON),
}

FIRST = (
    Row("conv_1a", convolution(32, 3, 2, "VALID"), "Table 1", 149, 32),
    Row("conv_2a", convolution(32, 3, 1, "VALID"), "Table 1", 147, 32),
    Row("conv_2b", convolution(64, 3), "Table 1", 147, 64),
)
SEVEN = (Row("conv_1a", convolution(64, 7, 2, "VALID"), "Table 3", 147, 64),)
REST = (
    Row("pool_3a", pooling(max_pool, 3, 2, "VALID"), "Table 1", 73, 64),
    Row("conv_3b", convolution(80, 3, 1, "VALID"), "Table 1", 71, 80),
    Row("conv_4a", convolution(192, 3, 2, "VALID"), "Table 1", 35, 192),
    Row("conv_4b", convolution(288, 3), "Table 1", 35, 288),
)

# Ours, for images of about 32 pixels: stride 1 and padding throughout, one pool.
SMALL_STEM = (
    Row("conv_1a", convolution(32, 3), "ours", 32, 32),
    Row("conv_2a", convolution(32, 3), "ours", 32, 32),
    Row("conv_2b", convolution(64, 3), "ours", 32, 64),
    Row("pool_3a", pooling(max_pool, 3, 2), "ours", 16, 64),
    Row("conv_3b", convolution(80, 3), "ours", 16, 80),
    Row("conv_4a", convolution(192, 3), "ours", 16, 192),
    Row("conv_4b", convolution(288, 3), "ours", 16, 288),
)

N7 = (128, 160, 160, 160, 192)  # the released v3 has four such modules: 128, 160, 160, 192


BODY = (
    *(Row(f"mixed_5{i}", block(InceptionA, pool=64), "Figure 5", 35, 288) for i in "bcd"),
    Row("mixed_6a", reduction(ReductionA, k=64, l=96, m=96, n=384), "Figure 10", 17, 768),
    *(
        Row(f"mixed_6{i}", block(InceptionB, n7=n), "Figure 6", 17, 768)
        for i, n in zip("bcdef", N7, strict=True)  # 6f feeds the auxiliary head
    ),
    Row("mixed_7a", reduction(ReductionB), "not drawn", 8, 1280),
    Row("mixed_7b", block(InceptionC), "Figure 7", 8, 2048),
    Row("mixed_7c", block(InceptionC), "Figure 7", 8, 2048),
)


class InceptionV2(Network):
    """299x299x3 -> logits; the stem and BODY are the architecture."""

    dialect: str = "paper"

    DIALECTS: ClassVar[dict[str, Any]] = DIALECTS
    NAME: ClassVar[str] = "inception_v2"
    PAPER: ClassVar[str] = "arXiv:1512.00567"
    # GoogLeNet's; v3's, normalised throughout, came later.
    HEADS: ClassVar[dict[str, Head]] = {"mixed_6f": GoogLeNetAuxHead}

    def table(self) -> Sequence[Row]:
        """Table 1, top to bottom."""
        if self.small:
            return SMALL_STEM + BODY
        return (FIRST if self.switches.factorized else SEVEN) + REST + BODY
