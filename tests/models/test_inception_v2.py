"""Tests `inception_jax/models/inception_v2.py`: the two readings of its stem."""

from inception_jax import models


def test_the_first_convolution():
    """Three 3x3s in Table 1, one 7x7 in Table 3, to the same grid and channels."""
    paper, table3 = (models.create("inception_v2", dialect=d).rows() for d in ("paper", "table3"))
    assert [r.name for r in paper[:4]] == ["conv_1a", "conv_2a", "conv_2b", "pool_3a"]
    assert [r.name for r in table3[:2]] == ["conv_1a", "pool_3a"]
    assert (paper[2].grid, paper[2].channels) == (table3[0].grid, table3[0].channels)


def test_five_modules_on_17x17():
    """One more than the released v3 has."""
    rows = models.create("inception_v2").rows()
    assert sum(r.figure == "Figure 6" for r in rows) == 5
