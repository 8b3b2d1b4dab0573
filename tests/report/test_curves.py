"""Tests `inception_jax.report.curves`: thinning."""

import math

from inception_jax.report.curves import thin


def test_thin_keeps_ends_and_spikes() -> None:
    """Of 100,000 lines at most 3,000 stay, among them the ends, every spike and a NaN."""
    lines = [{"step": i, "loss": 1.0 + (i % 7) / 100, "grad_norm": 1.0} for i in range(100_000)]
    lines[50_003]["loss"] = 30.0
    lines[60_001]["loss"] = math.nan
    lines[70_009]["grad_norm"] = 99.0
    lines[80_002]["grad_norm"] = math.nan
    steps = [line["step"] for line in thin(tuple(lines))]
    assert len(steps) <= 3000 and steps == sorted(steps)
    assert {0, 50_003, 60_001, 70_009, 80_002, 99_999} <= set(steps)


def test_thin_leaves_short_curves_alone() -> None:
    """What fits is not touched."""
    lines = tuple({"step": i, "loss": 1.0} for i in range(3000))
    assert thin(lines) == lines
