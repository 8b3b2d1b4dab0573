"""One network for images of 32, 16 and 8 pixels: its first layers lose a stride, then the pool."""

from typing import Any, ClassVar

from chassis import Chassis, Module, dialects

from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Row, convolution, pooling

LARGE, MIDDLE, SMALL = "stride_2_and_pool", "stride_1_and_pool", "stride_1_no_pool"


class Middle(Module):
    """A 3x3."""

    def middle(self, channels):
        return (self.conv(channels, 3),)


class Resolution(Chassis):
    """1512.00567, section 9: receptive fields of 299, 151 and 79 pixels; here of 32, 16 and 8."""

    dialect: str = LARGE
    DIALECTS: ClassVar[dict[str, Any]] = dialects(**{arm: {} for arm in (LARGE, MIDDLE, SMALL)})

    def table(self):
        """The stem, then two modules on the grid 8 and two on the grid 4."""
        large = self.dialect == LARGE
        rows = [Row("conv1", convolution(64, 3, 2 if large else 1), "section 9", 16, 64)]
        if self.dialect != SMALL:
            rows.append(Row("pool1", pooling(max_pool, 3, 2), "section 9", 8, 64))
        if not self.small:
            rows.append(Row("conv2", convolution(64, 3, 2), "ours", 38, 64))
        for grid in self.GRIDS[1:]:
            if grid == 4:
                rows.append(Row("pool2", pooling(max_pool, 3, 2), "ours", 4, 128))
            rows += [
                Row(
                    f"module_{grid}_{i}",
                    self.of(Middle, grid),
                    "ours",
                    grid,
                    self.channels_of(grid),
                )
                for i in (1, 2)
            ]
        return tuple(rows)
