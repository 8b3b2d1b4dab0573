"""Inception to Xception: a 3x3 on all channels at once, on segments, on each alone."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from chassis import Chassis, Module, dialects
from flax import linen as nn

from inception_jax.models.dialect import Dialect
from inception_jax.models.layers import SeparableConv
from inception_jax.models.lowering import ops


@dataclass(frozen=True)
class Spectrum(Dialect):
    """Segments of the channels; 0: each channel. And whether a ReLU follows the 3x3."""

    segments: int = 1
    relu: bool = False


class Segments(SeparableConv):
    """A 3x3 on each segment of the channels, then a 1x1 across them (1610.02357, Figures 3, 4)."""

    segments: int = 1
    relu: bool = False

    @nn.compact
    def __call__(self, x):
        """Map `x` [b, h, w, c] to [b, h, w, features * width]."""
        d, dtype = self.conv.keywords["dialect"], self.conv.keywords["dtype"]
        channels = x.shape[-1]
        each = channels // self.segments if self.segments else 1
        kernel = self.param("kernel", d.kernel_init, (3, 3, each, channels), ops.wide(dtype))
        kernel = kernel.astype(dtype)
        pads = ops.pads(x.shape[1:3], (3, 3), 1, "SAME", d.padding)
        if each == 1:
            x = ops.depthwise(x.astype(dtype), kernel, 1, pads)
        else:
            parts = [slice(i, i + each) for i in range(0, channels, each)]
            convolved = [ops.conv(x[..., p].astype(dtype), kernel[..., p], 1, pads) for p in parts]
            x = jnp.concatenate(convolved, axis=-1)
        return self.conv(self.features, name="pointwise")(nn.relu(x) if self.relu else x)


class Middle(Module):
    """The branch in question."""

    segments: int = 1
    relu: bool = False

    def middle(self, channels):
        return (Segments(self.conv, channels, segments=self.segments, relu=self.relu),)


class Separable(Chassis):
    """The arms are its dialects."""

    dialect: str = "one_segment"
    DIALECTS: ClassVar[dict[str, Any]] = dialects(
        Spectrum,
        one_segment={},
        four_segments={"segments": 4},
        each_channel={"segments": 0},
        one_segment_relu={"relu": True},
        each_channel_relu={"segments": 0, "relu": True},
    )

    def module(self, grid):
        d = self.switches
        return self.of(Middle, grid, segments=d.segments, relu=d.relu)
