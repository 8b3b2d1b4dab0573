"""The shares of branches as bars, one a module, for the page."""

from collections.abc import Sequence
from typing import NamedTuple

from inception_jax.explain.branches import POOL, SHORTCUT, BranchShares, ModuleShares, Path

# Colours of the page, s0 to s7: of a 1x1, and of the other branches from left to right.
ONE, OTHERS, OF_POOL, OF_SHORTCUT = 0, (1, 2, 3), 4, 7
LEGEND = {
    ONE: "1×1",
    1: "first with larger windows",
    2: "second",
    3: "third",
    OF_POOL: "pool",
    OF_SHORTCUT: "shortcut",
}
WIDTH = 1000  # of a bar's drawing, in its own units


class Segment(NamedTuple):
    """A path's part of a bar: where, in units of WIDTH, and its colour."""

    path: Path
    share: float
    x: float
    width: float
    colour: int


class Bar(NamedTuple):
    """A module's bar."""

    module: ModuleShares
    segments: tuple[Segment, ...]


class Bars(NamedTuple):
    """All bars, from the image to the classifier, with the place of zero and the colours used."""

    bars: tuple[Bar, ...]
    zero: float
    legend: tuple[tuple[int, str], ...]


def bars(shares: BranchShares) -> Bars | None:
    """The bars; None without modules. What is negative is left of zero."""
    parts = [[m.share(p) for p in m.paths] for m in shares.modules]
    if not parts:
        return None
    low = max(-sum(min(v, 0) for v in row) for row in parts)
    high = max(sum(max(v, 0) for v in row) for row in parts)
    scale = WIDTH / max(low + high, 1e-9)
    rows = tuple(
        Bar(module, tuple(_segments(module, values, low, scale)))
        for module, values in zip(shares.modules, parts, strict=True)
    )
    used = {s.colour for bar in rows for s in bar.segments}
    return Bars(rows, low * scale, tuple((c, name) for c, name in LEGEND.items() if c in used))


def _segments(
    module: ModuleShares, values: Sequence[float], low: float, scale: float
) -> list[Segment]:
    known = {"1x1": ONE, POOL: OF_POOL, SHORTCUT: OF_SHORTCUT}
    left = right = low * scale
    segments, others = list[Segment](), iter(OTHERS)
    for path, share in zip(module.paths, values, strict=True):
        width = abs(share) * scale
        colour = known[path.name] if path.name in known else next(others, OTHERS[-1])
        left = left - width if share < 0 else left
        segments.append(Segment(path, share, left if share < 0 else right, width, colour))
        right = right + width if share >= 0 else right
    return segments
