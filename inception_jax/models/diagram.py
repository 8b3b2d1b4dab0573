"""A network as an SVG like the papers' figures, on one A4 page with text of 7 points.

The backbone runs down the first column and then the second (or up, as in the papers): a box a row,
equal rows in succession one box with a count, with grid and channels on every edge. The first of
each kind of block is drawn with its branches, every box a step; an auxiliary head beside its row.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from inception_jax.models import drawing
from inception_jax.models.describe import Description, TableRow
from inception_jax.models.diagram_parts import COLUMN, Part, is_block, shape_of
from inception_jax.models.drawing import QUIET, Label, LabelledBox, Points, Shape, Stroke

A4 = 595.0, 842.0  # points
PAPER = 'width="210mm" height="297mm"'
MARGIN, GUTTER, HEAD, FOOT = 28.0, 22.0, 30.0, 14.0  # of the page; of its title and legend
LEGEND = {
    " V": "V: VALID padding, none at the border; else SAME",
    "/2": "/2: stride 2",
    "linear": "linear: neither BatchNorm nor ReLU",
}


def svg(table: Description, rows: Sequence[str] = (), up: bool = False) -> str:
    """The text of an SVG file.

    Args:
        table: the network.
        rows: names of rows to draw alone and large; the whole network if empty.
        up: from the bottom to the top, as the papers draw.

    Raises:
        ValueError: the network has no such row.
    """
    parts = list(_parts(table))
    if rows:
        parts = _chosen(parts, table, rows)
        columns, width = [parts], COLUMN + 2 * MARGIN
        heights = [sum(part.height for part in parts)]
        height, paper = HEAD + heights[0] + FOOT + 2 * MARGIN, 'width="210mm"'
    else:
        columns = _in_columns(parts)
        heights = [sum(part.height for part in column) for column in columns]
        # A4's form; a network that is longer gets smaller text.
        scale = max(1.0, (max(heights) + HEAD + FOOT + 2 * MARGIN) / A4[1])
        width, height, paper = A4[0] * scale, A4[1] * scale, PAPER
    shapes: list[Shape] = [*_title(table)]
    top = MARGIN + HEAD
    axis = top + max(heights) / 2
    ends = []
    for i, column in enumerate(columns):
        x, y = MARGIN + i * (COLUMN + GUTTER), top
        drawn: list[Shape] = []
        for part in column:
            drawn += part.draw(x, y)
            y += part.height
        ends.append(y)
        if i:
            drawn.append(_bend(x, ends[i - 1], top))
        shapes += [shape.flipped(axis) for shape in drawn] if up else drawn
    shapes += _legend(shapes, height - MARGIN - FOOT / 2)
    return drawing.svg(shapes, width, height, paper)


def _title(table: Description) -> Iterator[Shape]:
    totals = f"{table.params:,} parameters, {table.macs / 1e9:.3f} G multiply-adds"
    yield Label(MARGIN, MARGIN + 6, f"{table.name}, {table.dialect}", 12, weight="bold")
    yield Label(MARGIN, MARGIN + 20, f"{table.source} · {totals}", fill=QUIET)


def _legend(shapes: Sequence[Shape], y: Points) -> Iterator[Shape]:
    """What the words in the boxes mean that need it, if any box has them."""
    labels = [shape.label for shape in shapes if isinstance(shape, LabelledBox)]
    words = [text for word, text in LEGEND.items() if any(word in label for label in labels)]
    if words:
        yield Label(MARGIN, y, " · ".join(words), fill=QUIET)


def _bend(x: Points, bottom: Points, top: Points) -> Stroke:
    """The edge from the end of the column before to the beginning of this one, at `x`."""
    before, middle, between = x - GUTTER - COLUMN / 2, x + COLUMN / 2, x - GUTTER / 2
    points = ((before, bottom), (between, bottom), (between, top - 6), (middle, top - 6))
    return Stroke((*points, (middle, top)), tip=True)


def _parts(table: Description) -> Iterator[Part]:
    """The network as parts, from the image on."""
    before, drawn = f"image {table.image_size}×{table.image_size} × 3", set()
    for i, (kind, rows) in enumerate(groupby(table.rows, key=_kind)):
        run = list(rows)
        names = {row.name for row in run}
        heads = [h for h in table.heads if h.name.removeprefix("aux_") in names]
        detailed = is_block(run[0]) and kind not in drawn
        drawn.add(kind)
        yield Part(run, before, detailed, heads, first=i == 0)
        before = shape_of(run[-1])


def _chosen(parts: Sequence[Part], table: Description, rows: Sequence[str]) -> list[Part]:
    """The parts of some rows, each with what comes in."""
    known = [row.name for row in table.rows]
    if unknown := [name for name in rows if name not in known]:
        raise ValueError(f"{table.name} has no row {unknown[0]!r}, expected of {', '.join(known)}")
    chosen, joined = [], False  # whether the row before is drawn, too
    for part in parts:
        for row in part.run:
            if row.name in rows:
                heads = part.heads if row is part.run[-1] else []
                before = part.before if row is part.run[0] else shape_of(row)
                chosen.append(Part([row], before, is_block(row), heads, first=not joined))
            joined = row.name in rows
    return chosen


def _in_columns(parts: Sequence[Part]) -> list[list[Part]]:
    """Two columns, of which the longer one is as short as it can be."""

    def longest(split: int) -> Points:
        return max(sum(p.height for p in half) for half in (parts[:split], parts[split:]))

    split = min(range(1, len(parts) + 1), key=longest)
    halves = [list(half) for half in (parts[:split], parts[split:]) if half]
    halves[0][-1].last = len(halves) > 1
    return halves


def _kind(line: TableRow) -> tuple[object, ...]:
    """Rows with the same kind share a box."""
    return (line.branches, line.then, line.grid, line.channels) if line.branches else (line.name,)
