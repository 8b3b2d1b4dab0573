"""A network as a table: name, figure, grid, channels, parameters, MACs; nothing is allocated."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
from flax import linen as nn
from jax import ShapeDtypeStruct
from jaxtyping import Array, Float

from inception_jax.models import structure
from inception_jax.models.aux_head import AuxHead, GoogLeNetAuxHead
from inception_jax.models.layers import ConvBN, Dense, SeparableConv
from inception_jax.models.network import Network, Output


@dataclass(frozen=True)
class TableRow:
    """One row of the table.

    Attributes:
        grid: (height, width) of its output.
        channels: of its output.
        params: trainable parameters.
        macs: multiply-adds of one image: convolutions and matrix products only.
        branches: its branches, each of steps such as `3x3/2 V 192`, in the order of
            concatenation; empty for a pool or a classifier.
        then: what follows the concatenation, in a residual block.
        times: how many such blocks follow each other.
    """

    name: str
    figure: str
    grid: tuple[int, ...]
    channels: int
    params: int
    macs: int
    branches: tuple[tuple[str, ...], ...] = ()
    then: str = ""
    times: int = 1


@dataclass(frozen=True)
class Description:
    """A network's table and totals.

    Attributes:
        rows: the backbone's rows, top to bottom; the last is the classifier, where there is one.
        heads: the auxiliary heads.
        params: trainable parameters of the backbone and classifier (what evaluation uses).
        params_with_aux: the same with the auxiliary heads.
        macs: multiply-adds of one evaluated image.
    """

    name: str
    dialect: str
    source: str
    image_size: int
    rows: tuple[TableRow, ...]
    heads: tuple[TableRow, ...]
    params: int
    params_with_aux: int
    macs: int


@dataclass
class _Recorder:
    """A Flax interceptor: multiply-adds and blocks of each row, while the network is traced."""

    macs: dict[str, int] = field(default_factory=dict)
    blocks: dict[str, list[structure.Block]] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)  # of heads
    inside: set[tuple[str, ...]] = field(default_factory=set)  # modules that are being called

    def __call__(
        self,
        call: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: nn.module.InterceptorContext,
    ) -> Any:
        module, path = context.module, context.module.path
        # A subclass that calls its base's `__call__` is one layer.
        if context.method_name != "__call__" or not path or path in self.inside:
            return call(*args, **kwargs)
        self.inside.add(path)
        out = call(*args, **kwargs)
        self.inside.remove(path)
        row = module.path[0]
        if isinstance(module, ConvBN | Dense | SeparableConv):
            kernel = module.get_variable("params", "kernel")
            pixels = math.prod(out.shape[1:-1])  # of the depthwise part too: the 1x1 keeps its grid
            self.macs[row] = self.macs.get(row, 0) + pixels * math.prod(kernel.shape)
        if row.startswith("aux_"):
            self._add_step(module, args[0].shape[1:3])
        # A row is a block, or a chain of blocks named by number.
        outermost = len(module.path) == 1 or (len(module.path) == 2 and module.path[1].isdigit())
        if outermost and (block := structure.block(module)).branches:
            self.blocks.setdefault(row, []).append(block)
        return out

    def _add_step(self, module: nn.Module, grid: tuple[int, ...]) -> None:
        """Add a head's layer; the head itself, called last, gives the pool that begins it."""
        steps = self.steps.setdefault(module.path[0], [])
        if isinstance(module, ConvBN | Dense):
            steps.append(structure.step(module))
        elif isinstance(module, AuxHead | GoogLeNetAuxHead):
            steps.insert(0, module.pool_step(grid))
            self.blocks[module.path[0]] = [structure.Block((tuple(steps),))]


def describe(model: Network, image_size: int | None = None) -> Description:
    """The table of `model` on square images, by shape evaluation: no array is allocated."""
    size = image_size or (32 if model.small else model.preprocessing.image_size)
    image = ShapeDtypeStruct((model.bn_group or 1, size, size, model.channels), model.dtype)
    seen = _Recorder()

    def trace(x: Float[Array, "b h w c"]) -> tuple[Output, Any]:
        with nn.intercept_methods(seen):
            return model.init_with_output(jax.random.key(0), x, endpoints=True)

    out, variables = jax.eval_shape(trace, image)
    layers = variables["params"]

    def line(name: str, figure: str = "", x: ShapeDtypeStruct | None = None) -> TableRow:
        blocks = seen.blocks.get(name, [structure.Block()])
        shape = ((1, 1), _channels(layers[name])) if x is None else _shape(x)
        count, macs = _size(layers.get(name, {})), seen.macs.get(name, 0)
        return TableRow(name, figure, *shape, count, macs, *blocks[0], len(blocks))

    rows = [line(r.name, r.figure, out.endpoints[r.name]) for r in model.rows()]
    rows.append(line("pool", x=out.endpoints["pool"]))
    heads = tuple(line(name) for name in layers if name.startswith("aux_"))
    shown = {r.name for r in (*rows, *heads)}
    rows += [line(name) for name in layers if name not in shown]  # the classifier, an embedding
    params = sum(r.params for r in rows)
    return Description(
        name=model.NAME,
        dialect=model.dialect,
        source=model.switches.source,
        image_size=size,
        rows=tuple(rows),
        heads=heads,
        params=params,
        params_with_aux=params + sum(h.params for h in heads),
        macs=sum(r.macs for r in rows),
    )


def _shape(x: ShapeDtypeStruct) -> tuple[tuple[int, ...], int]:
    return (tuple(x.shape[1:3]) if x.ndim == 4 else (1, 1)), x.shape[-1]


def _channels(tree: Mapping[str, Any]) -> int:
    last = tree.get("logits", tree)  # of a head
    return jax.tree.leaves(last)[0].shape[-1]


def _size(tree: Mapping[str, Any]) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))
