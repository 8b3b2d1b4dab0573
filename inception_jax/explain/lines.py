"""Insertion and deletion curves as drawings, for the page."""

from typing import NamedTuple

import numpy as np

from inception_jax.explain.faithful import PixelCurve
from inception_jax.explain.photo import TITLES, Explanation

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 240, 40, 10, 10, 34  # of a drawing, in pixels
RANDOM = 7  # colour of the random maps


class CurveLine(NamedTuple):
    """A curve: its label, colour, path data, the places of its points, and its area."""

    label: str
    colour: int
    path: str
    points: tuple[tuple[float, float], ...]
    area: float


class Panel(NamedTuple):
    """A drawing of one kind of curves, and what to read from it."""

    title: str
    hint: str
    axis: str
    lines: tuple[CurveLine, ...]


def panels(one: Explanation) -> list[Panel]:
    """The two drawings of a photograph; none without maps."""
    if not one.maps:
        return []
    kinds = (
        ("insertion", "higher is better", "pixels shown, hottest first"),
        ("deletion", "lower is better", "pixels removed, hottest first"),
    )
    return [Panel(kind, hint, axis, tuple(_lines(one, kind))) for kind, hint, axis in kinds]


def _lines(one: Explanation, kind: str) -> list[CurveLine]:
    found = [(TITLES[m.method], getattr(m.faithfulness, kind)) for m in one.maps]
    lines = [_line(label, i, curve) for i, (label, curve) in enumerate(found)]
    random: list[PixelCurve] = [getattr(r, kind) for r in one.random]
    if random:
        mean = np.mean([c.probabilities for c in random], axis=0)
        lines.append(_line("random", RANDOM, PixelCurve(random[0].shares, mean)))
    return lines


def _line(label: str, colour: int, curve: PixelCurve) -> CurveLine:
    xs = LEFT + curve.shares * (WIDTH - LEFT - RIGHT)
    ys = TOP + (1 - curve.probabilities) * (HEIGHT - TOP - BOTTOM)
    points = tuple((round(float(x), 1), round(float(y), 1)) for x, y in zip(xs, ys, strict=True))
    path = "M" + "L".join(f"{x:g},{y:g}" for x, y in points)
    return CurveLine(label, colour, path, points, curve.area)
