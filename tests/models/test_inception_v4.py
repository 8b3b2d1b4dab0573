"""Tests `inception_jax/models/inception_v4.py`: figures and code order the 7-pixel layers apart."""

import pytest

from inception_jax import models
from tests.models.small import with_rows


@pytest.mark.parametrize(
    ("dialect", "second"),
    [("paper", ["1x1 192", "1x7 224", "1x7 256"]), ("slim", ["1x1 192", "1x7 224", "7x1 256"])],
)
def test_the_second_branch_of_b(dialect, second):
    """The figure has 1x7 twice, the code 1x7 then 7x1."""
    model = with_rows("inception_v4", dialect, ["mixed_6b"], width=1.0)
    assert list(models.describe(model).rows[0].branches[1]) == second
