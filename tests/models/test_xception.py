"""Tests `inception_jax/models/xception.py`: its two kinds of blocks."""

from inception_jax import models
from tests.models.small import with_rows


def test_blocks():
    """Entry blocks add a strided 1x1, middle blocks their input."""
    model = with_rows("xception", "", ["block_3", "block_4"], width=1.0)
    entry, middle = models.describe(model).rows[:2]
    assert entry.then == "+ the first branch" and entry.branches[0] == ("1x1/2 728",)
    assert entry.branches[1] == ("separable 3x3 728", "separable 3x3 728", "max 3x3/2")
    assert middle.then == "+ input" and middle.branches == (("separable 3x3 728",) * 3,)
