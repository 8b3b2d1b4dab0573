"""A network as a table: name, figure, grid, channels, parameters, MACs; nothing is allocated."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import jax
from flax import linen as nn

from inception_jax.models.layers import ConvBN, Dense
from inception_jax.models.network import Network


@dataclass(frozen=True)
class Line:
    """One row of the table; `grid` is (height, width), `macs` counts multiply-adds of one image."""

    name: str
    figure: str
    grid: tuple[int, ...]
    channels: int
    params: int
    macs: int


@dataclass(frozen=True)
class Description:
    """A network's table and totals.

    Attributes:
        rows: the trunk's lines, top to bottom; the last is the classifier.
        heads: the auxiliary heads' lines.
        params: trainable parameters of the trunk (what evaluation uses).
        params_with_aux: the same with the auxiliary heads.
        macs: multiply-adds of one evaluated image: convolutions and matrix products only.
    """

    name: str
    dialect: str
    source: str
    image_size: int
    rows: tuple[Line, ...]
    heads: tuple[Line, ...]
    params: int
    params_with_aux: int
    macs: int

    def to_json(self) -> dict[str, Any]:
        """The description as plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        """The table as text, columns aligned."""
        lines = [
            (r.name, r.figure, "x".join(map(str, r.grid)), f"{r.channels:,}", f"{r.params:,}",
             f"{r.macs / 1e6:,.1f}")
            for r in (*self.rows, *self.heads)
        ]  # fmt: skip
        head = ("name", "figure", "grid", "channels", "params", "MACs (M)")
        widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]

        def row(cells: tuple[str, ...]) -> str:
            left = [c.ljust(w) for c, w in zip(cells[:2], widths[:2], strict=True)]
            right = [c.rjust(w) for c, w in zip(cells[2:], widths[2:], strict=True)]
            return "  ".join(left + right)

        rule = "-" * len(row(head))
        return "\n".join(
            [
                f"{self.name} ({self.dialect}: {self.source}) at "
                f"{self.image_size}x{self.image_size}",
                "",
                row(head),
                rule,
                *(row(line) for line in lines[: len(self.rows)]),
                rule,
                *(row(line) for line in lines[len(self.rows) :]),
                f"{self.params:,} parameters ({self.params_with_aux:,} with auxiliary heads), "
                f"{self.macs / 1e9:.3f} G multiply-adds",
            ]
        )


def describe(model: Network, image_size: int | None = None) -> Description:
    """The table of `model` on square images, by shape evaluation: no array is allocated."""
    size = image_size or (32 if model.small else model.preprocessing.image_size)
    image = jax.ShapeDtypeStruct((model.bn_group or 1, size, size, 3), model.dtype)
    macs: dict[str, int] = {}

    def count(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        out = call(*args, **kwargs)
        if isinstance(context.module, ConvBN | Dense) and context.method_name == "__call__":
            top = context.module.path[0]
            kernel = context.module.get_variable("params", "kernel")
            pixels = math.prod(out.shape[1:-1])
            macs[top] = macs.get(top, 0) + pixels * math.prod(kernel.shape)
        return out

    def trace(x: Any) -> Any:
        with nn.intercept_methods(count):
            return model.init_with_output(jax.random.key(0), x, endpoints=True)

    out, variables = jax.eval_shape(trace, image)
    params = {k: _size(v) for k, v in variables["params"].items()}
    ends = out.endpoints
    rows = [
        Line(r.name, r.figure, *_shape(ends[r.name]), params.get(r.name, 0), macs.get(r.name, 0))
        for r in model.rows()
    ]
    rows.append(Line("pool", "", *_shape(ends["pool"]), 0, 0))
    rows.append(Line("logits", "", (1, 1), model.num_classes, params["logits"], macs["logits"]))
    names = [k for k in params if k.startswith("aux_")]
    heads = tuple(Line(k, "", (1, 1), model.num_classes, params[k], macs[k]) for k in names)
    trunk = sum(r.params for r in rows)
    return Description(
        name=model.NAME,
        dialect=model.dialect,
        source=model.switches.source,
        image_size=size,
        rows=tuple(rows),
        heads=heads,
        params=trunk,
        params_with_aux=trunk + sum(h.params for h in heads),
        macs=sum(r.macs for r in rows),
    )


def _shape(x: Any) -> tuple[tuple[int, ...], int]:
    return (tuple(x.shape[1:3]) if x.ndim == 4 else (1, 1)), x.shape[-1]


def _size(tree: Any) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))
