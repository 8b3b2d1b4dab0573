"""Three ways from a grid to one of half the side and twice the channels."""

from functools import partial
from typing import Any, ClassVar

from chassis import Chassis, Module, dialects

from inception_jax.models.branched import Branched
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Row, block, convolution, pooling

POOL_FIRST, CONV_FIRST, BESIDE = "pool_then_conv", "conv_then_pool", "side_by_side"


class Middle(Module):
    """A 3x3."""

    def middle(self, channels):
        return (self.conv(channels, 3),)


class Beside(Branched):
    """1512.00567, Figure 10, its simplest form: 3x3/2 | 3x3/2 max-pool, half the channels each."""

    channels: int

    def branches(self):
        return (self.conv(self.channels // 2, 3, 2),), (partial(max_pool, size=3, strides=2),)


class Reducing(Chassis):
    """The arms are its dialects."""

    dialect: str = BESIDE
    DIALECTS: ClassVar[dict[str, Any]] = dialects(
        **{arm: {} for arm in (POOL_FIRST, CONV_FIRST, BESIDE)}
    )

    def module(self, grid):
        return self.of(Middle, grid)

    def reduction(self, grid):
        """Figure 9, left and right, and Figure 10."""
        channels = self.channels_of(grid)
        if self.dialect == BESIDE:
            return (
                Row(f"both_{grid}", block(Beside, channels=channels), "Figure 10", grid, channels),
            )
        before = channels // 2 if self.dialect == POOL_FIRST else channels
        pool = Row(f"pool_{grid}", pooling(max_pool, 3, 2), "Figure 9", grid, before)
        if self.dialect == POOL_FIRST:
            return pool, Row(f"conv_{grid}", convolution(channels, 3), "Figure 9", grid, channels)
        return Row(f"conv_{grid}", convolution(channels, 3), "Figure 9", 2 * grid, channels), pool
