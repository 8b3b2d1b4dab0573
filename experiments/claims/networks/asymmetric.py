"""An n x n convolution, or 1 x n and n x 1, on one grid of three or on all."""

from dataclasses import dataclass
from typing import Any, ClassVar

from chassis import Chassis, Module, dialects

from inception_jax.models.dialect import Dialect


@dataclass(frozen=True)
class Factorized(Dialect):
    """Which grids have 1 x n and n x 1, and n."""

    grids: tuple[int, ...] = ()
    size: int = 5


class Middle(Module):
    """The branch in question (1512.00567, Figure 6)."""

    size: int = 5
    factorized: bool = False

    def middle(self, channels):
        c, n = self.conv, self.size
        return (c(channels, (1, n)), c(channels, (n, 1))) if self.factorized else (c(channels, n),)


class Asymmetric(Chassis):
    """The arms are its dialects; of `square_3` and `all_3` only multiplications are counted."""

    dialect: str = "square"
    GRIDS: ClassVar[tuple[int, int, int]] = (32, 16, 8)
    DIALECTS: ClassVar[dict[str, Any]] = dialects(
        Factorized,
        square={},
        grid_32={"grids": (32,)},
        grid_16={"grids": (16,)},
        grid_8={"grids": (8,)},
        all_grids={"grids": (32, 16, 8)},
        square_3={"size": 3},
        all_3={"grids": (32, 16, 8), "size": 3},
    )

    def module(self, grid):
        d = self.switches
        return self.of(Middle, grid, size=d.size, factorized=grid in d.grids)
