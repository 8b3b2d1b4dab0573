"""The rows of a network in units of recomputation: the stem, and every other row by itself."""

from collections.abc import Iterator, Sequence
from functools import partial

from flax import linen as nn
from jaxtyping import Array

from inception_jax.models import probes
from inception_jax.models.layers import Conv
from inception_jax.models.lowering import remat
from inception_jax.models.lowering.preactivation import Activation, Preactivation, materialize
from inception_jax.models.rows import Row

STEM = 5  # rows whose grid has more than this many times the last one's side are the stem


def apply_rows(
    net: nn.Module, x: Activation, conv: Conv, rows: Sequence[Row]
) -> Iterator[tuple[str, Array | Preactivation]]:
    """Each row's name and output, one after the other from `x` on; `remat` sees the units."""
    for unit in units(rows):
        apply = partial(apply_unit, conv=conv, unit=unit)
        # A row that repeats blocks makes a unit of each.
        alone = len(unit) == 1 and getattr(unit[0][0].build, "modules", 1) > 1
        outputs = (apply if alone else remat.unit(apply))(net, x)
        for (row, _), x in zip(unit, outputs, strict=True):
            yield row.name, x


def apply_unit(
    net: nn.Module, x: Activation, *, conv: Conv, unit: Sequence[tuple[Row, str]]
) -> list[Array | Preactivation]:
    """The outputs of the rows of one unit."""
    outputs = []
    for row, name in unit:
        row_conv = conv if name == remat.ROW else partial(conv, checkpoint_name=remat.STEM)
        x = x if getattr(row.build, "defers", False) else materialize(x)
        x = probes.row(net, row.name, remat.named(row.build(net, row_conv, x, row.name), name))
        outputs.append(x)
    return outputs


def units(rows: Sequence[Row]) -> list[list[tuple[Row, str]]]:
    """The rows with their checkpoint names: the stem as one unit, then a unit a row."""
    pairs = list(zip(rows, checkpoint_names(rows), strict=True))
    stem = [pair for pair in pairs if pair[1] != remat.ROW]
    return [part for part in (stem, *([p] for p in pairs[len(stem) :])) if part]


def checkpoint_names(rows: Sequence[Row]) -> list[str]:
    """What `remat` calls each row's output: in the stem BLOCK, if half as large as the row's input.

    The stem ends with the first row of a small grid, if that halves, or with the one before it: all
    of the body can be computed again from its last output.
    """
    sizes = [row.grid**2 * row.channels for row in rows]
    halves = [i > 0 and 2 * sizes[i] < sizes[i - 1] for i in range(len(rows))]
    large = sum(row.grid > STEM * rows[-1].grid for row in rows)
    stem = large + 1 if large and halves[large] else large
    saved = [halves[i] or i == stem - 1 for i in range(stem)]
    return [remat.BLOCK if s else remat.STEM for s in saved] + [remat.ROW] * (len(rows) - stem)
