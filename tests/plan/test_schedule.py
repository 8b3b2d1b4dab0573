"""Tests `schedule`: shares of a sum, and the row of an instruction."""

import pytest

from inception_jax.plan import hlo, schedule


def test_shares():
    """The largest first; none of nothing."""
    assert list(schedule.shares({"a": 1.0, "b": 3.0}).items()) == [("b", 0.75), ("a", 0.25)]
    assert schedule.shares({"a": 0.0}) == schedule.shares({}) == {}


@pytest.mark.parametrize(
    ("path", "row"),
    [("jit(step)/transpose(jvp(InceptionV3))/mixed_5b/conv", "mixed_5b"), ("jit(step)/mul", "rest"),
     ("jit(step)/mixed_5bc/conv", "rest")],
)  # fmt: skip
def test_rows(path, row):
    """A whole part of the path that JAX gives an operation."""
    made = hlo.Instruction("f", "f32[]", "fusion", f'%x), metadata={{op_name="{path}"}}')
    assert schedule.row_of(made, {"mixed_5b", "mixed_5c"}) == row
