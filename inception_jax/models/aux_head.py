"""The auxiliary heads: GoogLeNet's, and that of Inception-v3 and its successors."""

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models.dialect import Initializer
from inception_jax.models.layers import Conv, Dense, check_fits, dropout, scaled
from inception_jax.models.lowering.ops import wide
from inception_jax.models.pools import adaptive_avg_pool, avg_pool

AUX_DROPOUT = 0.7  # rate dropped inside a head, section 5


def window(grid: tuple[int, ...], small: bool) -> int:
    """The side of a head's window; with a small stem it spans at most the grid."""
    return min(5, *grid) if small else 5


class GoogLeNetAuxHead(nn.Module):
    """1409.4842's side classifier (section 5): average pool 5x5/3, 1x1 128, FC, dropout, linear.

    `paper` pools without padding, so a 14x14 grid becomes 4x4 and FC 1024 depends on the image
    size; `torchvision` pools to 4x4 from any grid. With a small stem the pool spans at most the
    grid.
    """

    conv: Conv
    num_classes: int
    train: bool
    small: bool
    dropout: float = AUX_DROPOUT

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b classes"]:
        """Map `x` [b, h, w, c] to logits [b, num_classes]."""
        dialect, dtype = self.conv.keywords["dialect"], self.conv.keywords["dtype"]
        init = dialect.kernel_init
        if dialect.aux == "torchvision":
            x = adaptive_avg_pool(x, 4)
        else:
            size = window(x.shape[1:3], self.small)
            check_fits(self, x, (size, size), "VALID")
            x = avg_pool(x, size, 3, "VALID")
        x = self.conv(128, name="conv")(x)
        # Channels first, as torch flattens: imported weights then fit without a permutation.
        x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
        hidden = scaled(1024, self.conv.keywords["width"])
        x = nn.relu(Dense(hidden, init, dtype, name="hidden")(x))
        x = dropout(self, x, self.dropout, self.train)
        return Dense(self.num_classes, init, dtype, name="logits")(x)

    def pool_step(self, grid: tuple[int, ...]) -> str:
        """Its pool of a `grid` as a figure's box."""
        if self.conv.keywords["dialect"].aux == "torchvision":
            return "avg to 4x4"
        size = window(grid, self.small)
        return f"avg {size}x{size}/3 V"


class AuxHead(nn.Module):
    """1512.00567's side classifier (section 4): average pool 5x5/3, 1x1 128, 5x5 768, linear.

    The 5x5 spans the whole pooled grid (17 -> 5 -> 1). A smaller grid is refused, unless the stem
    is small: then both windows span at most the grid, as TF-slim's `_reduced_kernel_size` has it.
    """

    conv: Conv
    num_classes: int
    train: bool
    small: bool
    conv_init: Initializer | None = None  # of the 5x5; None takes the dialect's
    logits_init: Initializer | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b classes"]:
        """Map `x` [b, 17, 17, c] to logits [b, num_classes]."""
        size = window(x.shape[1:3], self.small)
        check_fits(self, x, (size, size), "VALID")
        x = self.conv(128, name="conv0")(avg_pool(x, size, 3, "VALID"))
        size = window(x.shape[1:3], self.small)
        x = self.conv(768, size, 1, "VALID", kernel_init=self.conv_init, name="conv1")(x)
        # One pixel at 299; torchvision's head too averages what a larger image leaves.
        dtype = self.conv.keywords["dtype"]
        x = x.astype(wide(dtype)).mean(axis=(1, 2))
        init = self.logits_init or self.conv.keywords["dialect"].kernel_init
        return Dense(self.num_classes, init, dtype, name="logits")(x)

    def pool_step(self, grid: tuple[int, ...]) -> str:
        """Its pool of a `grid` as a figure's box."""
        size = window(grid, self.small)
        return f"avg {size}x{size}/3 V"
