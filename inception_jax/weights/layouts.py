"""Layouts: the names and axes that each framework gives to the arrays of one layer."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Array = np.ndarray
NOTHING = "(?!)"  # matches no name


class LayerNames(NamedTuple):
    """The names of one of our layers in a peer's file.

    Attributes:
        layer: prefix of the layer's own arrays.
        norm: prefix of its BatchNorm's arrays; empty without one.
        kind: `conv`, `depthwise`, `dense`, or `flat` for a dense layer stored as a 1x1 convolution.
    """

    layer: str
    norm: str = ""
    kind: str = "conv"


def dense(prefix: str) -> list[LayerNames]:
    """A dense layer, as a row of its own."""
    return [LayerNames(prefix, kind="dense")]


Names = dict[str, list[LayerNames]]  # row of the network -> its layers, in the order of `units`


class Layout(NamedTuple):
    """A framework's names and axes.

    Attributes:
        names: (kind of layer, our leaf) -> the name below the prefix; `*` is any kind.
        from_peer: (kind, our shape, peer's array) -> our array, a view where possible.
        to_peer: (kind, our array) -> peer's array; None where only import is supported.
        ignored: regular expression of names that are not weights.
        separator: between the parts of a name.
    """

    names: dict[tuple[str, str], str]
    from_peer: Callable[[str, tuple[int, ...], Array], Array]
    to_peer: Callable[[str, Array], Array] | None = None
    ignored: str = NOTHING
    separator: str = "/"

    def keys(self, layer: LayerNames) -> set[str]:
        """Every name that the layer's arrays may have."""
        named = {leaf for kind, leaf in self.names if kind in ("*", layer.kind)}
        return {self.key(layer, x) for x in named if layer.norm or not x.startswith("bn/")}

    def key(self, layer: LayerNames, leaf: str) -> str:
        """The peer's name of one of our leaves, such as `kernel` or `bn/mean`."""
        prefix = layer.norm if leaf.startswith("bn/") else layer.layer
        name = self.names.get((layer.kind, leaf)) or self.names["*", leaf]
        return prefix + name


# Transpositions of a kernel by its rank; biases have one axis.
TO_TORCH = {4: (3, 2, 0, 1), 2: (1, 0)}
FROM_TORCH = {4: (2, 3, 1, 0), 2: (1, 0)}


def _from_torch(kind: str, shape: tuple[int, ...], x: Array) -> Array:
    return x.transpose(FROM_TORCH[x.ndim]) if x.ndim in FROM_TORCH else x


def _to_torch(kind: str, x: Array) -> Array:
    return np.ascontiguousarray(x.transpose(TO_TORCH[x.ndim]) if x.ndim in TO_TORCH else x)


TORCH = Layout(
    names={
        ("*", "kernel"): ".weight", ("*", "bias"): ".bias",
        ("*", "bn/scale"): ".weight", ("*", "bn/bias"): ".bias",
        ("*", "bn/mean"): ".running_mean", ("*", "bn/var"): ".running_var",
        ("norm", "scale"): ".weight", ("*", "mean"): ".running_mean", ("*", "var"): ".running_var",
    },
    from_peer=_from_torch,
    to_peer=_to_torch,
    ignored="num_batches_tracked$",  # torch counts the batches of a BatchNorm
    separator=".",
)  # fmt: skip


def _from_tf(kind: str, shape: tuple[int, ...], x: Array) -> Array:
    if kind == "depthwise":  # [h, w, c, m] to [h, w, 1, c * m]
        return x.reshape(*x.shape[:2], 1, -1)
    return x.reshape(shape) if kind == "flat" and x.size == np.prod(shape) else x


def _tensorflow(kernel: str, bias: str, ignored: str = NOTHING) -> Layout:
    names = {
        ("*", "kernel"): f"/{kernel}", ("depthwise", "kernel"): f"/depthwise_{kernel}",
        ("pointwise", "kernel"): f"/pointwise_{kernel}", ("*", "bias"): f"/{bias}",
        ("*", "bn/scale"): "/gamma", ("*", "bn/bias"): "/beta",
        ("*", "bn/mean"): "/moving_mean", ("*", "bn/var"): "/moving_variance",
    }  # fmt: skip
    return Layout(names, _from_tf, ignored=ignored)


TRAINING = r"(^global_step$|/(RMSProp|Momentum|Adam|ExponentialMovingAverage)(_\d+)?$)"
SLIM = _tensorflow("weights", "biases", ignored=TRAINING)
KERAS = _tensorflow("kernel", "bias")
