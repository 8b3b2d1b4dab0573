"""Tests `inception_jax/models/bn_inception.py`: the dialects' own layers."""

from inception_jax import models
from tests.models.small import with_rows


def branches(dialect, row):
    model = with_rows("bn_inception", dialect, [row], width=1.0)
    return models.describe(model).rows[0].branches


def test_channels_after_the_pool():
    """128 in the paper, 96 in TF-slim, after 4c's pool."""
    assert branches("paper", "inception_4c")[-1][-1] == "1x1 128"
    assert branches("slim", "inception_4c")[-1][-1] == "1x1 96"


def test_the_pools_kind():
    """The maximum in 5b, averages elsewhere."""
    assert branches("paper", "inception_5b")[-1][0] == "max 3x3"
    assert branches("paper", "inception_5a")[-1][0] == "avg 3x3"


def test_a_separable_first_convolution():
    """TF-slim's conv1 is a 7x7 of depth multiplier 8, then a 1x1 without BatchNorm."""
    model = models.create("bn_inception", dialect="slim", drop_rows=rows_but("conv1"))
    row = models.describe(model).rows[0]
    assert row.branches == (("separable 7x7/2 64",),)
    assert row.params == 7 * 7 * 3 * 8 + 3 * 8 * 64 + 64


def rows_but(name):
    return tuple(r.name for r in models.create("bn_inception").rows() if r.name != name)
