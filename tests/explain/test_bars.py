"""Tests `inception_jax/explain/bars.py`: where a bar's parts are drawn."""

import numpy as np
import pytest

from inception_jax.explain import bars
from inception_jax.explain.branches import BranchShares, ModuleShares, Path


def module(rest, **parts):
    """A module of paths with these parts of the logit."""
    paths = (Path(name, (), logit, np.zeros((1, 1))) for name, logit in parts.items())
    return ModuleShares("m", tuple(paths), rest)


def test_parts_beside_zero():
    """Positive parts lie to the right one after the other, negative ones to the left."""
    parts = {"1x1": 3.0, "3x3": -2.0, "5x5": 1.0, "pool": -1.0}
    found = bars.bars(BranchShares(4.0, (module(3.0, **parts), module(0.0, shortcut=4.0))))
    assert found is not None
    one, other = (bar.segments for bar in found.bars)
    assert found.zero == pytest.approx(1000 * 0.3 / 1.3)
    unit = 1000 / 13  # of a part of 1 in the first module, whose sizes add up to 10
    places = [(s.x - found.zero, s.width) for s in one]
    expected = [(0, 3), (-2, 2), (3, 1), (-3, 1), (4, 3)]
    np.testing.assert_allclose(np.array(places) / unit, expected, atol=1e-9)
    assert [s.colour for s in one] == [0, 1, 2, 4, 8] and one[-1].path is None
    assert other[0].width == pytest.approx(1000 / 1.3) and other[1].width == 0
    assert found.legend[0] == (0, "1×1")


def test_no_modules():
    """A network without modules has no bars."""
    assert bars.bars(BranchShares(1.0, ())) is None
