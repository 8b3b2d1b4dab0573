"""The auxiliary head of Inception-v3 and its successors."""

from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from inception_jax.models.dialect import Initializer
from inception_jax.models.layers import Conv, Dense, check_fits
from inception_jax.models.lowering.ops import wide
from inception_jax.models.pools import avg_pool


class AuxHead(nn.Module):
    """1512.00567's side classifier (section 4): average pool 5x5/3, 1x1 128, 5x5 768, linear.

    The 5x5 spans the whole pooled grid (17 -> 5 -> 1). A smaller grid is refused, unless the stem
    is small: then both windows span at most the grid, as TF-slim's `_reduced_kernel_size` has it.
    """

    conv: Conv
    num_classes: int
    train: bool
    small: bool
    dtype: DTypeLike
    conv_init: Initializer | None = None  # of the 5x5; None takes the dialect's
    logits_init: Initializer | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b classes"]:
        """Map `x` [b, 17, 17, c] to logits [b, num_classes]."""
        size = min(5, *x.shape[1:3]) if self.small else 5
        check_fits(self, x, (size, size), "VALID")
        x = self.conv(128, name="conv0")(avg_pool(x, size, 3, "VALID"))
        size = min(5, *x.shape[1:3]) if self.small else 5
        x = self.conv(768, size, 1, "VALID", kernel_init=self.conv_init, name="conv1")(x)
        # One pixel at 299; torchvision's head too averages what a larger image leaves.
        x = x.astype(wide(self.dtype)).mean(axis=(1, 2))
        init = self.logits_init or self.conv.keywords["dialect"].kernel_init
        return Dense(self.num_classes, init, self.dtype, name="logits")(x)
