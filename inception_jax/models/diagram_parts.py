"""Parts of a network's drawing: a box of the backbone, a block with its branches, its heads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inception_jax.models.describe import TableRow
from inception_jax.models.drawing import QUIET, Label, LabelledBox, Points, Shape, Stroke

COLUMN = 258.5  # points: half of an A4 page without margins and gutter
HIGH, GAP, EDGE = 11.0, 6.5, 12.0  # a box, the gap below a step, an edge of the backbone
WIDE, LETTER = 120.0, 3.9  # a box of the backbone; a letter of 7 points, at most
FILLS = {
    "conv": "#dbe9f6", "pool": "#fbe3cf", "separable": "#e4dcf3", "linear": "#f6f0c8",
    "fc": "#f6f0c8",
    "join": "#d9ead3", "head": "#f4d9dd", "plain": "#eeeeee", "block": "#fafafa",
}  # fmt: skip


@dataclass
class Part:
    """Rows that are drawn as one: a box, or a block with its branches; then the edge below.

    Attributes:
        run: the rows, which are equal.
        before: what comes in: grid and channels.
        detailed: whether its branches are drawn.
        heads: auxiliary heads on its output.
        first: whether the edge above is drawn, too.
        last: whether another column goes on.
    """

    run: list[TableRow]
    before: str
    detailed: bool
    heads: list[TableRow] = field(default_factory=list)
    first: bool = False
    last: bool = False

    @property
    def height(self) -> Points:
        """In points, with the edges."""
        above = GAP + EDGE if self.first else 0.0
        inside = HIGH + self._block_height() if self.detailed else HIGH
        return above + inside + max(EDGE, *(self._head_height(h) for h in self.heads), 0.0)

    def draw(self, x: Points, y: Points) -> Iterator[Shape]:
        """Its shapes, in a column whose corner is there."""
        row, middle = self.run[0], x + COLUMN / 2
        if self.first:
            yield Label(middle + 4, y + GAP + 3, self.before, fill=QUIET)
            yield Stroke(((middle, y + GAP), (middle, y + GAP + EDGE)), tip=True)
            y += GAP + EDGE
        if self.detailed:
            yield LabelledBox(x, y, COLUMN, HIGH + self._block_height(), "", FILLS["block"])
            yield Label(x + 4, y + HIGH / 2, _name(self.run), weight="bold")
            yield Label(x + COLUMN - 4, y + HIGH / 2, row.figure, 7, "end", QUIET)
            yield from self._block(x + 4, y + HIGH, COLUMN - 8)
            y += HIGH + self._block_height()
        else:
            wide = max(WIDE, LETTER * len(_name(self.run)) + 8)
            yield LabelledBox(middle - wide / 2, y, wide, HIGH, _name(self.run), _fill(row))
            y += HIGH
        end = y + max(EDGE, *(self._head_height(h) for h in self.heads), 0.0)
        yield Stroke(((middle, y), (middle, end)), tip=not self.last)
        yield Label(middle - 4, y + EDGE / 2, shape_of(self.run[-1]), 7, "end", QUIET)
        for head in self.heads:
            yield from self._head(head, middle, y + EDGE / 2)

    def _head_height(self, head: TableRow) -> Points:
        return EDGE / 2 + HIGH + len(_steps(head)) * (HIGH + 3) + EDGE / 2

    def _head(self, head: TableRow, x: Points, y: Points) -> Iterator[Shape]:
        """An auxiliary head beside the backbone at `x`, its layers one below the other."""
        left, wide = x + 14, 96.0
        yield Stroke(((x, y), (left, y)), dashed=True)
        steps = _steps(head)
        yield LabelledBox(left, y - 4, wide, HIGH + len(steps) * (HIGH + 3), "", FILLS["head"])
        yield Label(left + wide / 2, y + 2, head.name, anchor="middle", weight="bold")
        for i, step in enumerate(steps):
            top = y - 4 + HIGH + i * (HIGH + 3)
            yield LabelledBox(left + 8, top, wide - 16, HIGH, step, _step_fill(step))
            if i:
                yield Stroke(((left + wide / 2, top - 3), (left + wide / 2, top)))

    def _depth(self) -> int:
        return max(map(len, self.run[0].branches))

    def _block_height(self) -> Points:
        then = HIGH + GAP if self._join()[1] else 0.0
        return HIGH + (self._depth() + 1) * (HIGH + GAP) + then + 4

    def _join(self) -> tuple[str, str]:
        """How the branches are joined, and what follows."""
        row = self.run[0]
        if len(row.branches) == 1:
            return row.then or "output", ""
        if row.then == "+ the first branch":
            return "add", ""
        return "concatenate", row.then

    def _block(self, x: Points, y: Points, width: Points) -> Iterator[Shape]:
        """The branches, from the block's input to their concatenation."""
        branches, pitch = self.run[0].branches, HIGH + GAP
        wide = (width + GAP / 2) / sum(map(_arms, branches))
        join = y + (self._depth() + 1) * pitch
        yield LabelledBox(x, y, width, HIGH, "input", FILLS["plain"])
        for branch in branches:
            span = _arms(branch) * wide
            yield from _branch(branch, x, y, wide, span, join)
            x += span
        x -= sum(map(_arms, branches)) * wide
        label, then = self._join()
        yield LabelledBox(x, join, width, HIGH, label, FILLS["join"])
        if then:
            yield Stroke(((x + width / 2, join + HIGH), (x + width / 2, join + pitch)), tip=True)
            yield LabelledBox(x, join + pitch, width, HIGH, then, FILLS["linear"])


def _branch(
    branch: Sequence[str], x: Points, y: Points, wide: Points, span: Points, join: Points
) -> Iterator[Shape]:
    """A branch's steps, `wide` apart where it forks, in the middle of its `span`."""
    centre, above = x + (span - GAP / 2) / 2, y + HIGH
    for i, step in enumerate(branch):
        top, arms = y + (i + 1) * (HIGH + GAP), step.strip("{}").split(", ")
        for j, arm in enumerate(arms):
            box_wide = min(wide - GAP / 2, 84.0)
            middle = centre + (j - (len(arms) - 1) / 2) * wide
            yield Stroke(((centre, above), (middle, top)), tip=len(arms) == 1)
            size = min(7.0, 7.0 * (box_wide - 2) / (LETTER * len(arm)))
            left = middle - box_wide / 2
            yield LabelledBox(left, top, box_wide, HIGH, arm, _step_fill(arm), round(size, 2))
            if len(arms) > 1:
                yield Stroke(((middle, top + HIGH), (middle, join)), tip=True)
        above = top + HIGH
    if not branch[-1].startswith("{"):
        yield Stroke(((centre, above), (centre, join)), tip=True)


def is_block(line: TableRow) -> bool:
    """Whether a row has more than one step."""
    return len(line.branches) > 1 or sum(map(len, line.branches)) > 1


def _name(run: Sequence[TableRow]) -> str:
    line = run[0]
    if line.times > 1:
        return f"{line.name} × {line.times}"
    if len(run) > 1:
        return f"{line.name} … {run[-1].name.rsplit('_', 1)[-1]} (× {len(run)})"
    if not is_block(line) and line.branches:
        return f"{line.name}: {line.branches[0][0]}"
    return line.name


def shape_of(line: TableRow) -> str:
    """The grid and channels of a row's output."""
    grid = "×".join(map(str, line.grid))
    return f"{grid} × {line.channels:,}" if line.grid != (1, 1) else f"{line.channels:,}"


def _steps(head: TableRow) -> tuple[str, ...]:
    return head.branches[0] if head.branches else ()


def _fill(line: TableRow) -> str:
    if is_block(line):
        return FILLS["join"]
    if line.branches:
        return _step_fill(line.branches[0][0])
    return FILLS["pool"] if "pool" in line.name else FILLS["plain"]


def _step_fill(step: str) -> str:
    first = step.split()[0]
    return FILLS[{"max": "pool", "avg": "pool"}.get(first, first if first in FILLS else "conv")]


def _arms(branch: Sequence[str]) -> int:
    """The number of boxes side by side in a branch: its widest fork."""
    return max(len(step.split(", ")) if step.startswith("{") else 1 for step in branch)
