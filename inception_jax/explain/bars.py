"""The shares of branches as bars, one a module, for the page."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inception_jax.explain.branches import POOL, SHORTCUT, BranchShares, ModuleShares, Path

# Colours of the page, s0 to s7: of a 1x1, and of the other branches from left to right. Biases have
# none.
ONE, OTHERS, OF_POOL, OF_SHORTCUT, OF_BIASES = 0, (1, 2, 3), 4, 7, 8
LEGEND = {
    ONE: "1×1",
    1: "first with larger windows",
    2: "second",
    3: "third",
    OF_POOL: "pool",
    OF_SHORTCUT: "shortcut",
    OF_BIASES: "biases of later layers",
}
WIDTH = 1000  # of a bar's drawing, in its own units


class Segment(NamedTuple):
    """A part of a bar: of a path, or None of the biases; where, in units of WIDTH; its colour."""

    path: Path | None
    logit: float
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
    """The bars, as long as the sizes of all parts together; None without modules.

    What is negative is left of zero.
    """
    parts = [_parts(module) for module in shares.modules]
    if not parts:
        return None
    low, high = (max(sum(max(sign * v, 0) for *_, v in row) for row in parts) for sign in (-1, 1))
    scale = WIDTH / max(low + high, 1e-9)
    rows = tuple(
        Bar(module, tuple(_segments(row, low * scale, scale)))
        for module, row in zip(shares.modules, parts, strict=True)
    )
    used = {s.colour for bar in rows for s in bar.segments}
    return Bars(rows, low * scale, tuple((c, name) for c, name in LEGEND.items() if c in used))


def _parts(module: ModuleShares) -> list[tuple[Path | None, float, float]]:
    """The paths and the biases with their part of the logit, and that in units of all sizes."""
    logits = [*((p, p.logit) for p in module.paths), (None, module.rest)]
    total = sum(abs(logit) for _, logit in logits) or 1.0
    return [(path, logit, logit / total) for path, logit in logits]


def _segments(
    parts: Sequence[tuple[Path | None, float, float]], zero: float, scale: float
) -> Iterator[Segment]:
    known = {"1x1": ONE, POOL: OF_POOL, SHORTCUT: OF_SHORTCUT}
    left = right = zero
    others = iter(OTHERS)
    for path, logit, size in parts:
        name = path.name if path else ""
        width = abs(size) * scale
        colour = known[name] if name in known else next(others, OTHERS[-1]) if path else OF_BIASES
        if size < 0:
            left -= width
        yield Segment(path, logit, size, left if size < 0 else right, width, colour)
        if size >= 0:
            right += width
