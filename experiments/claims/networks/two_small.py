"""A 5x5 convolution, or two 3x3 in its place, with a ReLU or nothing between them."""

from typing import Any, ClassVar

from chassis import Chassis, Module, dialects

LARGE, SMALL, LINEAR = "one_5x5", "two_3x3", "two_3x3_linear"


class Middle(Module):
    """The branch in question (1512.00567, Figures 4 and 5)."""

    arm: str = SMALL

    def middle(self, channels):
        c = self.conv
        if self.arm == LARGE:
            return (c(channels, 5),)
        return c(channels, 3, relu=self.arm == SMALL), c(channels, 3)


class TwoSmall(Chassis):
    """The arms are its dialects."""

    dialect: str = SMALL
    DIALECTS: ClassVar[dict[str, Any]] = dialects(**{arm: {} for arm in (LARGE, SMALL, LINEAR)})

    def module(self, grid):
        return self.of(Middle, grid, arm=self.dialect)
