"""Shapes of a drawing in points, and their SVG: boxes, lines, arrows, texts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape

EDGE, QUIET = "#555", "#555"
Points = float | int


@dataclass(frozen=True)
class LabelledBox:
    """A rectangle with a label in its middle, or above at its left (a frame)."""

    x: Points
    y: Points
    width: Points
    height: Points
    label: str
    fill: str
    size: Points = 7.0

    def flipped(self, axis: Points) -> "LabelledBox":
        """Mirrored at the height `axis`."""
        return replace(self, y=2 * axis - self.y - self.height)

    def svg(self) -> str:
        """Its elements."""
        rect = (
            f'<rect x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" '
            f'height="{self.height:.1f}" rx="2" fill="{self.fill}" stroke="{EDGE}" '
            f'stroke-width="0.5"/>'
        )
        middle = self.x + self.width / 2, self.y + self.height / 2
        label = Label(*middle, self.label, self.size, "middle").svg() if self.label else ""
        return rect + label


@dataclass(frozen=True)
class Label:
    """A line of text; `y` is its middle."""

    x: Points
    y: Points
    text: str
    size: Points = 7.0
    anchor: str = "start"
    fill: str = "#111"
    weight: str = "normal"

    def flipped(self, axis: Points) -> "Label":
        """Mirrored at the height `axis`: only its place."""
        return replace(self, y=2 * axis - self.y)

    def svg(self) -> str:
        """Its element."""
        return (
            f'<text x="{self.x:.1f}" y="{self.y + 0.36 * self.size:.1f}" font-size="{self.size}" '
            f'text-anchor="{self.anchor}" font-weight="{self.weight}" fill="{self.fill}">'
            f"{escape(self.text)}</text>"
        )


@dataclass(frozen=True)
class Stroke:
    """A line through points, with an arrow's tip at its end."""

    points: tuple[tuple[Points, Points], ...]
    tip: bool = False
    dashed: bool = False

    def flipped(self, axis: Points) -> "Stroke":
        """Mirrored at the height `axis`."""
        return replace(self, points=tuple((x, 2 * axis - y) for x, y in self.points))

    def svg(self) -> str:
        """Its elements."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)
        dash = ' stroke-dasharray="2 2"' if self.dashed else ""
        line = f'<polyline points="{points}" fill="none" stroke="{EDGE}" stroke-width="0.6"{dash}/>'
        return line + (self._tip() if self.tip else "")

    def _tip(self) -> str:
        """A triangle at the last point, in the direction of the last segment."""
        (x0, y0), (x, y) = self.points[-2:]
        length = max(((x - x0) ** 2 + (y - y0) ** 2) ** 0.5, 1e-9)
        dx, dy = 3.2 * (x - x0) / length, 3.2 * (y - y0) / length
        corners = ((x, y), (x - dx - dy / 2, y - dy + dx / 2), (x - dx + dy / 2, y - dy - dx / 2))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
        return f'<polygon points="{points}" fill="{EDGE}"/>'


Shape = LabelledBox | Label | Stroke


def svg(shapes: Iterable[Shape], width: Points, height: Points, paper: str) -> str:
    """The text of an SVG file.

    Args:
        shapes: from the lowest to the topmost.
        width: of the drawing, points.
        height: of the drawing, points.
        paper: its size on paper, as attributes.
    """
    body = "\n".join(shape.svg() for shape in shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {paper} viewBox="0 0 {width:.1f} {height:.1f}" '
        f'font-family="Helvetica, Arial, sans-serif">\n'
        f'<rect x="0" y="0" width="{width:.1f}" height="{height:.1f}" fill="white"/>\n{body}\n'
        f"</svg>\n"
    )
