"""A network as an SVG like the papers' figures: the backbone, and each block's branches.

The input is at the top. On the left the backbone, one box a row (equal rows in succession are one
box with a count), with grid and channels on every edge. On the right, beside its first use, each
kind of block in detail: its branches between "input" and "concatenate", every box a step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from inception_jax.models.describe import Description, TableRow

Pixels = int | float

BACKBONE, DETAIL = 30, 300  # x of the two columns
WIDE, HIGH, GAP = 190, 26, 18  # of a backbone box, and the edge below it
STEP, STEP_HIGH, STEP_GAP = 122, 22, 12  # of a branch's box
FILLS = {
    "conv": "#dbe9f6", "pool": "#fbe3cf", "separable": "#e4dcf3", "linear": "#f6f0c8",
    "join": "#d9ead3", "head": "#f4d9dd", "plain": "#eeeeee",
}  # fmt: skip


def svg(table: Description) -> str:
    """The network of `table` as the text of an SVG file."""
    runs = [list(run) for _, run in groupby(table.rows, key=_kind)]
    parts, right, drawn = [], DETAIL, set()
    parts += _text(BACKBONE, 34, f"{table.name}, {table.dialect}", size=20, weight="bold")
    totals = f"{table.params:,} parameters, {table.macs / 1e9:.3f} G multiply-adds"
    parts += _text(BACKBONE, 56, f"{table.source} · {totals}", size=12, fill="#555")
    size = f"{table.image_size}×{table.image_size}"
    centre, y = BACKBONE + WIDE / 2, 92
    parts += _text(centre, y - 6, f"image {size} × 3", size=11, anchor="middle")
    above = y  # where the edge into the next box starts
    for run in runs:
        line, kind = run[0], _kind(run[0])
        start = y + GAP
        parts += _arrow(centre, above, start)
        parts += _box(BACKBONE, start, WIDE, HIGH, _title(run), _fill(line))
        above = y = start + HIGH
        parts += _text(centre + 8, above + 13, _edge(run[-1]), size=10, fill="#555")
        if _is_block(line) and kind not in drawn:
            drawn.add(kind)
            block = _Block(line, DETAIL, start)
            parts += block.draw()
            middle = start + HIGH / 2
            parts.append(_line(BACKBONE + WIDE, middle, DETAIL - 8, middle, dashed=True))
            right, y = max(right, block.right), max(y, block.bottom)
        for head in table.heads:
            if head.name.removeprefix("aux_") in {r.name for r in run}:
                top = y + GAP / 2
                parts.append(_line(centre, top + HIGH / 2, DETAIL, top + HIGH / 2))
                parts += _box(DETAIL, top, WIDE, HIGH, head.name, FILLS["head"])
                y = top + HIGH
    width, height = max(right, 760) + 30, y + 40
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


@dataclass
class _Block:
    """One block in detail: its branches, from its input at the top to their concatenation."""

    line: TableRow
    x: Pixels
    y: Pixels

    @property
    def right(self) -> Pixels:
        """The right edge."""
        return self.x + sum(map(_columns, self.line.branches)) * (STEP + STEP_GAP)

    @property
    def bottom(self) -> Pixels:
        """The lower edge, with room below."""
        rows = max(map(len, self.line.branches)) + 2 + (self._join() == "concatenate, then")
        return self.y + rows * (STEP_HIGH + STEP_GAP) + STEP_GAP

    def _join(self) -> str:
        """How the branches are joined; `then` if something follows."""
        if len(self.line.branches) == 1:
            return self.line.then or "output"
        if self.line.then == "+ the first branch":
            return "add"
        return "concatenate, then" if self.line.then else "concatenate"

    def draw(self) -> Iterator[str]:
        """Its boxes and edges."""
        pitch, width = STEP_HIGH + STEP_GAP, self.right - self.x - STEP_GAP
        deepest = max(map(len, self.line.branches))
        join = self.y + (deepest + 1) * pitch
        yield from _box(self.x, self.y, width, STEP_HIGH, "input", FILLS["plain"])
        left = self.x
        for branch in self.line.branches:
            columns = _columns(branch)
            centre = left + (columns * (STEP + STEP_GAP) - STEP_GAP) / 2
            above = self.y + STEP_HIGH
            for i, step in enumerate(branch):
                top = self.y + (i + 1) * pitch
                arms = step.strip("{}").split(", ")
                for j, arm in enumerate(arms):
                    span = len(arms) * (STEP + STEP_GAP) - STEP_GAP
                    box = centre - span / 2 + j * (STEP + STEP_GAP)
                    yield _line(centre, above, box + STEP / 2, top)
                    yield from _box(box, top, STEP, STEP_HIGH, arm, _step_fill(arm), size=11)
                    if len(arms) > 1:
                        yield from _arrow(box + STEP / 2, top + STEP_HIGH, join)
                above = top + STEP_HIGH
            if not branch[-1].startswith("{"):
                yield from _arrow(centre, above, join)
            left += columns * (STEP + STEP_GAP)
        label = self._join()
        yield from _box(self.x, join, width, STEP_HIGH, label.split(",")[0], FILLS["join"])
        if label == "concatenate, then":
            yield from _arrow(self.x + width / 2, join + STEP_HIGH, join + pitch)
            yield from _box(
                self.x, join + pitch, max(width, 260), STEP_HIGH, self.line.then, FILLS["linear"]
            )


def _kind(line: TableRow) -> tuple[object, ...]:
    """Rows with the same kind share a box."""
    return (line.branches, line.then, line.grid, line.channels) if line.branches else (line.name,)


def _is_block(line: TableRow) -> bool:
    return len(line.branches) > 1 or sum(map(len, line.branches)) > 1


def _title(run: Sequence[TableRow]) -> str:
    line = run[0]
    if line.times > 1:
        return f"{line.name} × {line.times}"
    if len(run) > 1:
        return f"{line.name} … {run[-1].name.rsplit('_', 1)[-1]} (× {len(run)})"
    if not _is_block(line) and line.branches:
        return f"{line.name}: {line.branches[0][0]}"
    return line.name


def _edge(line: TableRow) -> str:
    grid = "×".join(map(str, line.grid))
    return f"{grid} × {line.channels:,}" if line.grid != (1, 1) else f"{line.channels:,}"


def _fill(line: TableRow) -> str:
    if _is_block(line):
        return FILLS["join"]
    if line.branches:
        return _step_fill(line.branches[0][0])
    return FILLS["pool"] if "pool" in line.name else FILLS["plain"]


def _step_fill(step: str) -> str:
    first = step.split()[0]
    return FILLS[{"max": "pool", "avg": "pool"}.get(first, first if first in FILLS else "conv")]


def _columns(branch: Sequence[str]) -> int:
    """The number of boxes side by side in a branch: its widest fork."""
    return max(len(step.split(", ")) if step.startswith("{") else 1 for step in branch)


def _box(
    x: Pixels, y: Pixels, width: Pixels, height: Pixels, label: str, fill: str, size: int = 12
) -> list[str]:
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="4" '
        f'fill="{fill}" stroke="#555" stroke-width="0.8"/>',
        *_text(x + width / 2, y + height / 2 + size * 0.36, label, size=size, anchor="middle"),
    ]


def _text(
    x: Pixels, y: Pixels, text: str, *, size: int, anchor: str = "start", fill: str = "#111",
    weight: str = "normal",
) -> list[str]:  # fmt: skip
    return [
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
    ]


def _line(x1: Pixels, y1: Pixels, x2: Pixels, y2: Pixels, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="3 3"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#555" '
        f'stroke-width="1"{dash}/>'
    )


def _arrow(x: Pixels, y1: Pixels, y2: Pixels) -> list[str]:
    tip = f"{x - 3:.1f},{y2 - 5:.1f} {x + 3:.1f},{y2 - 5:.1f} {x:.1f},{y2:.1f}"
    return [_line(x, y1, x, y2 - 4), f'<polygon points="{tip}" fill="#555"/>']
