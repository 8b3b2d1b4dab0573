"""The same networks of Flax's own layers, without any platform's own form: see `plain`."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from flax import linen as nn

from inception_jax.models import Network, Output
from inception_jax.models.layers import ConvBN, check_fits, scaled, window
from inception_jax.models.lowering import forms


class PlainConvBN(ConvBN):
    """ConvBN of Flax's layers."""

    @nn.compact
    def __call__(self, x: jax.Array, **_: Any) -> jax.Array:
        """Maps `x` [b, h, w, c] to [b, h', w', features * width]."""
        d, size = self.dialect, window(self.kernel)
        check_fits(self, x, size, self.padding)
        norm = d.norm if self.norm else None
        x = nn.Conv(
            scaled(self.features, self.width), size, self.strides, self.padding,
            use_bias=d.bias or norm is None, kernel_init=self.kernel_init or d.kernel_init,
            dtype=self.dtype, name="conv",
        )(x)  # fmt: skip
        if norm:
            x = nn.BatchNorm(
                use_running_average=not self.train, momentum=norm.decay, epsilon=norm.epsilon,
                use_scale=norm.scale, dtype=self.dtype, name="bn",
            )(x)  # fmt: skip
        return nn.relu(x) if self.relu else x


def plain(model: Network) -> Network:
    """The network with `nn.Conv`, `nn.BatchNorm` (over the whole batch) and `nn.relu`.

    Tables, blocks and constants are ours. For dialects whose padding is TensorFlow's.
    """
    family = type(model)

    class Plain(family):
        def conv(self, train: bool) -> Callable[..., Any]:
            return partial(PlainConvBN, **family.conv(self, train).keywords)

        @nn.compact
        def __call__(self, x: jax.Array, *, train: bool = False, endpoints: bool = False) -> Output:
            with forms.without(*forms.FORMS):
                return family.__call__(self, x, train=train, endpoints=endpoints)

    Plain.__name__ = Plain.__qualname__ = f"Plain{family.__name__}"
    own = [f.name for f in dataclasses.fields(model) if f.init and f.name not in ("parent", "name")]
    return Plain(**{name: getattr(model, name) for name in own})
