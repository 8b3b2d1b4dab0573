"""The first layer of another run for images of other channels: an image of copies keeps its logits.

Of more channels, channel j reads what channel j mod n of the other run's n read, and the weights
are divided by the number of channels that share them; of fewer, it reads the sum of those that are
j modulo their number. For an image whose channel j is channel j mod n, normalised alike, the layer
computes the same: so for a grey image that is repeated. From 3 channels to a multiple of 3, or to
one, this is timm's `adapt_input_conv`, which for other numbers scales all channels by 3 / c and
keeps no sum.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float


def adapted(layer: Mapping[str, Any], have: int, want: int) -> dict[str, Any] | None:
    """The arrays of a first layer (`ConvBN` or `SeparableConv`) for `want` channels, not `have`.

    None for fewer channels of a separable layer, whose filters would have to be merged.
    """
    kernel = np.asarray(layer["kernel"])
    if "pointwise" not in layer:
        return {**layer, "kernel": _read_by(kernel, have, want)}
    if want < have:
        return None
    height, width, _, filters = kernel.shape
    each = filters // have  # filters of a channel, which are side by side
    pointwise = np.asarray(layer["pointwise"]["kernel"])
    depthwise = kernel.reshape(height, width, have, each)[:, :, np.arange(want) % have]
    mixed = pointwise.reshape(have, each, -1).swapaxes(0, 1)[None]
    mixed = _read_by(mixed, have, want)[0].swapaxes(0, 1)
    return {
        **layer,
        "kernel": depthwise.reshape(height, width, 1, want * each),
        "pointwise": {
            **layer["pointwise"], "kernel": mixed.reshape(1, 1, want * each, -1)
        },
    }  # fmt: skip


def _read_by(
    kernel: Float[np.ndarray, "h w have d"], have: int, want: int
) -> Float[np.ndarray, "h w want d"]:
    """A kernel that reads `want` channels instead of `have`."""
    if want < have:
        return np.stack([kernel[:, :, j::want].sum(axis=2) for j in range(want)], axis=2)
    read = np.arange(want) % have
    return kernel[:, :, read] / np.bincount(read)[read, None].astype(kernel.dtype)
