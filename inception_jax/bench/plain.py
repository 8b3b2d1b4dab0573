"""The same networks as one writes them with Flax's own layers: what ours are measured against.

The tables, blocks and constants are ours; convolution, BatchNorm and ReLU are `nn.Conv`,
`nn.BatchNorm` and `nn.relu`, each branch by itself, nothing put off, no platform's own form.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from inception_jax.models import Network, Output
from inception_jax.models.layers import ConvBN, check_fits, scaled, window
from inception_jax.models.lowering import forms

Array = jax.Array


class PlainConvBN(ConvBN):
    """ConvBN of Flax's layers."""

    @nn.compact
    def __call__(self, x: Array, **_: Any) -> Array:
        """Maps `x` [b, h, w, c] to [b, h', w', features * width]."""
        d, size = self.dialect, window(self.kernel)
        check_fits(self, x, size, self.padding)
        norm = d.norm if self.norm else None
        conv = nn.Conv(
            scaled(self.features, self.width), size, self.strides, self.padding,
            use_bias=d.bias or norm is None, kernel_init=self.kernel_init or d.kernel_init,
            dtype=self.dtype, name="conv",
        )  # fmt: skip
        x = conv(x)
        if norm:
            bn = nn.BatchNorm(
                use_running_average=not self.train, momentum=norm.decay, epsilon=norm.epsilon,
                use_scale=norm.scale, dtype=self.dtype, name="bn",
            )  # fmt: skip
            x = bn(x)
        return nn.relu(x) if self.relu else x


def plain(model: Network) -> Network:
    """The network with Flax's layers; its variables are a tree of its own.

    For dialects whose padding is TensorFlow's; BatchNorm is over the whole batch.
    """
    own = [f.name for f in dataclasses.fields(model) if f.init and f.name not in ("parent", "name")]
    return _family(type(model))(**{name: getattr(model, name) for name in own})


def _family(family: type[Network]) -> type[Network]:
    class Plain(family):
        """A family of Flax's layers."""

        def conv(self, train: bool) -> Callable[..., Any]:
            """Makes this network's layers."""
            ours = family.conv(self, train)
            return partial(PlainConvBN, **ours.keywords)

        @nn.compact
        def __call__(self, x: Array, *, train: bool = False, endpoints: bool = False) -> Output:
            """As the family's."""
            with forms.without(*forms.FORMS):
                return family.__call__(self, x, train=train, endpoints=endpoints)

    Plain.__name__ = Plain.__qualname__ = f"Plain{family.__name__}"
    return Plain


def as_plain(variables: Any) -> dict[str, Any]:
    """Variables of one of our networks as the plain one's."""
    return {
        "params": _layers(variables["params"]),
        "batch_stats": jax.tree.map(jnp.asarray, dict(variables.get("batch_stats", {}))),
    }


def _layers(tree: Any) -> dict[str, Any]:
    """Each convolution's kernel and bias one level further down, in `conv`."""
    found = {}
    for name, below in tree.items():
        if not hasattr(below, "items"):
            found[name] = below
        elif getattr(below.get("kernel"), "ndim", 0) == 4:
            conv = {k: v for k, v in below.items() if k in ("kernel", "bias")}
            rest = {k: v for k, v in below.items() if k not in conv}
            found[name] = {"conv": conv, **rest}
        else:
            found[name] = _layers(below)
    return found
