"""Compare two checkpoints array by array."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.checkpoint import arrays


def rows(one: Path, other: Path) -> list[dict[str, Any]]:
    """List the arrays that differ between the folders of two steps, the largest difference first.

    Returns:
        section (params, batch_stats, opt_state, ema, step), name, and what: `only in A`, `only in
        B`, `shape`, or `values` with max_abs, the largest difference, and max_rel, the same over
        the largest magnitude in the first; infinite where only one of two numbers is finite.
    """
    a, b = arrays.flat(one), arrays.flat(other)
    different = [row for name in sorted({*a, *b}) if (row := _row(name, a.get(name), b.get(name)))]
    return sorted(different, key=lambda row: (-row.get("max_rel", math.inf), row["name"]))


def _row(name: str, a: np.ndarray | None, b: np.ndarray | None) -> dict[str, Any] | None:
    row = {"section": name.split("/")[0], "name": name}
    if a is None or b is None:
        return {**row, "what": "only in B" if a is None else "only in A"}
    if a.shape != b.shape or a.dtype != b.dtype:
        shapes = [f"{x.dtype} {list(x.shape)}" for x in (a, b)]
        return {**row, "what": "shape", "shapes": shapes}
    if a.tobytes() == b.tobytes():
        return None
    x, y = a.astype(np.float64), b.astype(np.float64)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(x - y))
    apart = np.where(np.isfinite(apart), apart, np.inf)
    largest = float(apart.max())
    scale = float(np.nanmax(np.abs(x))) if not np.isnan(x).all() else 0.0
    relative = largest / scale if scale and math.isfinite(scale) else math.inf if largest else 0.0
    return {**row, "what": "values", "max_abs": largest, "max_rel": relative}
