"""A small network around one kind of module: the same on three grids, such as 16, 8 and 4."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from inception_jax.models.branched import Branched
from inception_jax.models.dialect import HE, Dialect, Norm, Preprocessing
from inception_jax.models.layers import Branch
from inception_jax.models.network import Network
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Build, Row, block, convolution, pooling

FIRST = 64  # channels of the first grid at width 1; each further grid has twice as many
COMMON: dict[str, Any] = {
    "source": "experiments/claims",
    "norm": Norm(decay=0.9, epsilon=1e-3, scale=True),
    "preprocessing": Preprocessing(32),
    "kernel_init": HE,
}


def dialects(kind: type[Dialect] = Dialect, /, **arms: dict[str, Any]) -> dict[str, Dialect]:
    """A dialect for each arm, which differ in the given fields."""
    return {arm: kind(**COMMON | fields) for arm, fields in arms.items()}


class Module(Branched):
    """1x1 | 1x1, the layers that a claim is about | 3x3 max-pool, 1x1; a half is theirs."""

    channels: int

    def middle(self, channels: int) -> Branch:
        """The layers that the claim is about, from `channels` to `channels`."""
        raise NotImplementedError

    def branches(self) -> Sequence[Branch]:
        """As in GoogLeNet's Figure 2(b), with one branch of large kernels."""
        c, quarter = self.conv, self.channels // 4
        return (
            (c(quarter),),
            (c(2 * quarter), *self.middle(2 * quarter)),
            (partial(max_pool, size=3, strides=1), c(quarter)),
        )


class Chassis(Network):
    """A 3x3 convolution, and on each grid one module; a 3x3 max-pool with stride 2 between them.

    A subclass has `DIALECTS` and `module`, which makes the module of a grid.
    """

    PAPER: ClassVar[str] = "ours"
    GRIDS: ClassVar[tuple[int, int, int]] = (16, 8, 4)  # of images of 32 pixels

    def module(self, grid: int) -> Build:
        """The module of a grid."""
        raise NotImplementedError

    def reduction(self, grid: int) -> Sequence[Row]:
        """What leads to a grid of this side from one of twice the side."""
        return (
            Row(f"pool_{grid}", pooling(max_pool, 3, 2), "ours", grid, self.channels_of(2 * grid)),
        )

    def channels_of(self, grid: int) -> int:
        """Of a module's output, at width 1."""
        return FIRST * self.GRIDS[0] // grid

    def stem_rows(self) -> Sequence[Row]:
        """A 3x3, and a pool unless the first grid is 32; on large images GoogLeNet's strides."""
        pool = (Row("pool1", pooling(max_pool, 3, 2), "ours", 16, 64),)
        if self.small:
            first = (Row("conv1", convolution(64, 3), "ours", 32, 64),)
            return first if self.GRIDS[0] == 32 else first + pool
        return (
            Row("conv1", convolution(64, 7, 2), "ours", 112, 64),
            *pool,
            Row("conv2", convolution(64, 3, 2), "ours", 28, 64),
        )

    def table(self) -> Sequence[Row]:
        """The stem, then modules and reductions."""
        rows = list(self.stem_rows())
        for i, grid in enumerate(self.GRIDS):
            if i:
                rows += self.reduction(grid)
            build = self.module(grid)
            rows.append(Row(f"module_{grid}", build, "ours", grid, self.channels_of(grid)))
        return tuple(rows)

    def of(self, kind: type[Module], grid: int, **fields: Any) -> Build:
        """The module `kind` of a grid."""
        return block(kind, channels=self.channels_of(grid), **fields)
