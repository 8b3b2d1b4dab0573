"""Layouts: how the frameworks name and lay out the arrays of one layer, both ways."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class LayerNames(NamedTuple):
    """Where a peer keeps one layer of ours.

    Attributes:
        layer: prefix of the layer's own arrays.
        norm: prefix of its BatchNorm's, where it has one.
        kind: `conv`, `depthwise`, `dense`, or `flat` for a dense layer stored as a 1x1 convolution.
    """

    layer: str
    norm: str = ""
    kind: str = "conv"


class Layout(NamedTuple):
    """A framework's names and axes.

    Attributes:
        names: (kind of layer, our leaf) -> the name below the prefix; `*` stands for any kind.
        ours: (kind, our shape, its array) -> ours; a view, not a copy, where it can be.
        theirs: (kind, our array) -> its array: the way back, where there is one.
    """

    names: dict[tuple[str, str], str]
    ours: Callable[[str, tuple[int, ...], Array], Array]
    theirs: Callable[[str, Array], Array] | None = None

    def key(self, place: LayerNames, leaf: str) -> str:
        """The peer's name of one of our leaves: `kernel`, or `bn/mean`."""
        prefix = place.norm if leaf.startswith("bn/") else place.layer
        name = self.names.get((place.kind, leaf)) or self.names["*", leaf]
        return prefix + name


AXES = {4: (3, 2, 0, 1), 2: (1, 0)}  # of a kernel: ours to torch's; biases have one axis
BACK = {4: (2, 3, 1, 0), 2: (1, 0)}


def _from_torch(kind: str, shape: tuple[int, ...], x: Array) -> Array:
    return x.transpose(BACK[x.ndim]) if x.ndim in BACK else x


def _to_torch(kind: str, x: Array) -> Array:
    return np.ascontiguousarray(x.transpose(AXES[x.ndim]) if x.ndim in AXES else x)


TORCH = Layout(
    names={
        ("*", "kernel"): ".weight", ("*", "bias"): ".bias",
        ("*", "bn/scale"): ".weight", ("*", "bn/bias"): ".bias",
        ("*", "bn/mean"): ".running_mean", ("*", "bn/var"): ".running_var",
        ("norm", "scale"): ".weight", ("*", "mean"): ".running_mean", ("*", "var"): ".running_var",
    },
    ours=_from_torch,
    theirs=_to_torch,
)  # fmt: skip


def _from_tf(kind: str, shape: tuple[int, ...], x: Array) -> Array:
    if kind == "depthwise":  # [h, w, c, m] to [h, w, 1, c * m]
        return x.reshape(*x.shape[:2], 1, -1)
    return x.reshape(shape) if kind == "flat" and x.size == np.prod(shape) else x


SLIM = Layout(
    names={
        ("*", "kernel"): "/weights", ("depthwise", "kernel"): "/depthwise_weights",
        ("pointwise", "kernel"): "/pointwise_weights", ("*", "bias"): "/biases",
        ("*", "bn/scale"): "/gamma", ("*", "bn/bias"): "/beta",
        ("*", "bn/mean"): "/moving_mean", ("*", "bn/var"): "/moving_variance",
    },
    ours=_from_tf,
)  # fmt: skip

KERAS = Layout(
    names={
        ("*", "kernel"): "/kernel", ("depthwise", "kernel"): "/depthwise_kernel",
        ("pointwise", "kernel"): "/pointwise_kernel", ("*", "bias"): "/bias",
        ("*", "bn/scale"): "/gamma", ("*", "bn/bias"): "/beta",
        ("*", "bn/mean"): "/moving_mean", ("*", "bn/var"): "/moving_variance",
    },
    ours=_from_tf,
)  # fmt: skip
