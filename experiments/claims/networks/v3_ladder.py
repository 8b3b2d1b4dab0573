"""Inception-v2 on small images; its first 7x7 and its head change as in 1512.00567, Table 3."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from inception_jax.models.aux_head import AuxHead
from inception_jax.models.inception_v2 import (
    BODY,
    COMMON,
    FIRST,
    REST,
    SEVEN,
    InceptionV2Dialect,
)
from inception_jax.models.network import Network
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Row, convolution, pooling

WITHOUT = ("mixed_5c", "mixed_5d", "mixed_6c", "mixed_6d", "mixed_6e", "mixed_6f", "mixed_7c")
BASE = InceptionV2Dialect(source="arXiv:1512.00567, Table 3", factorized=False, **COMMON)


@dataclass(frozen=True)
class Ladder(InceptionV2Dialect):
    """Whether the auxiliary head has BatchNorm."""

    normalized: bool = False


def plain(conv, *args, **kwargs):
    """The head without BatchNorm."""
    return AuxHead(partial(conv, norm=False), *args, **kwargs)


class V3Ladder(Network):
    """One module a grid; the arms are dialects and the optimiser's settings."""

    dialect: str = "v2"
    PAPER: ClassVar[str] = "arXiv:1512.00567"
    DIALECTS: ClassVar[dict[str, Any]] = {
        "v2": Ladder(**vars(BASE)),
        "factorized": Ladder(**vars(replace(BASE, factorized=True))),
        "normalized": Ladder(**vars(replace(BASE, factorized=True)), normalized=True),
    }

    @property
    def HEADS(self):
        """The head reads the last 17x17 grid, here of 8x8."""
        row = "mixed_6b" if self.small else "mixed_6f"
        return {row: AuxHead if self.switches.normalized else plain}

    def table(self):
        """The stem without strides, and a module of each grid."""
        if not self.small:
            return (FIRST if self.switches.factorized else SEVEN) + REST + BODY
        sizes = ((32, 3), (32, 3), (64, 3)) if self.switches.factorized else ((64, 7),)
        first = [
            Row(f"conv_{i}", convolution(features, kernel), "Table 3", 32, features)
            for i, (features, kernel) in enumerate(sizes)
        ]
        rest = (
            Row("pool_3a", pooling(max_pool, 3, 2), "Table 1", 16, 64),
            Row("conv_3b", convolution(80, 3), "Table 1", 16, 80),
            Row("conv_4a", convolution(192, 3), "Table 1", 16, 192),
            Row("conv_4b", convolution(288, 3), "Table 1", 16, 288),
        )
        return (*first, *rest, *(row for row in BODY if row.name not in WITHOUT))
