"""The modules of Inception-ResNet-v1 and v2 (arXiv:1602.07261, Figures 10 to 19)."""

from collections.abc import Sequence
from functools import partial

from jaxtyping import Array, Float

from inception_jax.models import block_monitors, probes
from inception_jax.models.branched import Branched, GridReduction
from inception_jax.models.layers import Branch
from inception_jax.models.lowering import ops, remat
from inception_jax.models.lowering.siblings import concat
from inception_jax.models.pools import max_pool
from inception_jax.models.stochastic_depth import drop_path


class Residual(Branched):
    """x + scale * (the branches, and a 1x1 with bias and without BatchNorm back to c), then ReLU.

    Scales of 0.1 to 0.3 keep wide networks from dying (section 3.3).
    """

    channels: int  # of x, and of the last 1x1
    scale: float
    relu: bool = True
    drop: float = 0.0  # rate of stochastic depth, of all branches together

    def setup(self) -> None:  # noqa: D102
        super().setup()
        # `channels` is already scaled by the network's width.
        self.up = self.conv(self.channels, norm=False, relu=False, width=1.0)

    @property
    def then(self) -> str:
        """What follows the branches, in words."""
        end = "ReLU" if self.relu else "no ReLU"
        return f"linear 1x1 {self.channels}, x {self.scale:g}, + input, {end}"

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Map `x` [b, h, w, c] to [b, h, w, c]."""
        branch = self.scale * self.up(concat(self.branch, x, partial(probes.branches, self)))
        block_monitors.residual(self, branch, x)
        x = probes.path(self, probes.SHORTCUT, x)
        x = x + drop_path(self, branch, self.drop, self.conv.keywords["train"])
        x = remat.named(ops.relu(x) if self.relu else x, remat.BLOCK)
        if not self.relu:
            return x
        block_monitors.rectified(self, x)
        return x


class Block35(Residual):
    """Figures 10 and 16, on the 35x35 grid: 1x1 | 1x1, 3x3 | 1x1, 3x3, 3x3."""

    widths: tuple[int, int, int] = (32, 48, 64)  # of the third branch; v1: 32, 32, 32

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, (first, second, third) = self.conv, self.widths
        return (c(32),), (c(32), c(32, 3)), (c(first), c(second, 3), c(third, 3))


class Block17(Residual):
    """Figures 11 and 17, on the 17x17 grid: 1x1 | 1x1, 1x7, 7x1."""

    widths: tuple[int, int, int, int] = (192, 128, 160, 192)  # v1: 128 throughout

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, (one, first, second, third) = self.conv, self.widths
        return (c(one),), (c(first), c(second, (1, 7)), c(third, (7, 1)))


class Block8(Residual):
    """Figures 13 and 19, on the 8x8 grid: 1x1 | 1x1, 1x3, 3x1."""

    widths: tuple[int, int, int] = (192, 224, 256)  # of the second branch; v1: 192 throughout

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, (first, second, third) = self.conv, self.widths
        return (c(192),), (c(first), c(second, (1, 3)), c(third, (3, 1)))


class ResNetReductionB(GridReduction):
    """Figures 12 and 18, from 17x17 to 8x8: 1x1, 3x3/2 | 1x1, 3x3/2 | 1x1, 3x3, 3x3/2 | max."""

    widths: tuple[int, int, int] = (288, 288, 320)  # after the first 1x1 256s; v1: 256 throughout

    def branches(self) -> Sequence[Branch]:  # noqa: D102
        c, pad, (second, third, fourth) = self.conv, self.padding, self.widths
        return (
            (c(256), c(384, 3, 2, pad)),
            (c(256), c(second, 3, 2, pad)),
            (c(256), c(third, 3), c(fourth, 3, 2, pad)),
            (partial(max_pool, padding=pad),),
        )
