"""The shape of most figures: parallel branches, concatenated on channels."""

from collections.abc import Sequence
from typing import Any

from flax import linen as nn
from jaxtyping import Array, Float

from inception_jax.models import probes
from inception_jax.models.layers import Branch, Conv, check_fits
from inception_jax.models.lowering.preactivation import Activation
from inception_jax.models.lowering.siblings import concat
from inception_jax.models.stochastic_depth import drop_branches


class Branched(nn.Module):
    """A module of parallel branches; parameters are named `branch_<branch>_<layer>`."""

    conv: Conv

    def branches(self) -> Sequence[Branch]:
        """The layers of each branch, in the order of concatenation."""
        raise NotImplementedError

    def setup(self) -> None:  # noqa: D102
        self.branch = self.branches()

    def __call__(self, x: Activation) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, c] to [b, h', w', the sum of the branches' channels]."""
        return self.joined(x)

    def joined(self, x: Activation) -> Float[Array, "b h2 w2 d"]:
        """The branches on `x`, those that training drops zero, concatenated."""
        rate, train = self.dialect.drop_branch, self.conv.keywords["train"]

        def change(outputs: list[Array]) -> list[Array]:
            return probes.branches(self, drop_branches(self, outputs, rate, train))

        return concat(self.branch, x, change)

    @property
    def dialect(self) -> Any:
        """The network's dialect, of its family's own kind."""
        return self.conv.keywords["dialect"]


class GridReduction(Branched):
    """Branches that end in 3x3 windows and, unpadded, refuse a grid below that."""

    padding: str

    def __call__(self, x: Activation) -> Float[Array, "b h2 w2 d"]:
        """Map `x` [b, h, w, c] to [b, h', w', the sum of the branches' channels]."""
        check_fits(self, x, (3, 3), self.padding)
        return self.joined(x)
