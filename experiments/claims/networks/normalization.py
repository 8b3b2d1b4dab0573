"""GoogLeNet with and without BatchNorm, with ReLU or sigmoid."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from flax import linen as nn

from inception_jax.models.googlenet import DIALECTS, GoogLeNet, GoogLeNetDialect
from inception_jax.models.layers import ConvBN
from inception_jax.models.lowering.preactivation import materialize


@dataclass(frozen=True)
class Nonlinear(GoogLeNetDialect):
    """Whether sigmoids take the place of ReLUs."""

    sigmoid: bool = False


BASE: dict[str, Any] = {**vars(DIALECTS["batchnorm"])}
PLAIN: dict[str, Any] = BASE | {"norm": None}


class SigmoidConvBN(ConvBN):
    """Convolution, BatchNorm, sigmoid."""

    relu: bool = False

    def __call__(self, x, *, convolution=None, moments=None, defer=False):
        """Map `x` [b, h, w, c] to [b, h', w', features * width]."""
        y = super().__call__(x, convolution=convolution, moments=moments)
        return nn.sigmoid(materialize(y))


class Normalization(GoogLeNet):
    """The arms are its dialects."""

    dialect: str = "normalized"
    DIALECTS: ClassVar[dict[str, Any]] = {
        "normalized": Nonlinear(**BASE),
        "plain": Nonlinear(**PLAIN),
        "normalized_sigmoid": Nonlinear(**BASE, sigmoid=True),
        "plain_sigmoid": Nonlinear(**PLAIN, sigmoid=True),
    }

    def conv(self, train):
        """Makes this network's ConvBNs."""
        made = super().conv(train)
        return partial(SigmoidConvBN, **made.keywords) if self.switches.sigmoid else made
