"""Tests `sweep/grid.py`: products of sweeps, and errors in a page's sweeps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax.errors import ConfigError
from inception_jax.sweep import grid


def yielding(*rows):
    """A sweep function."""
    return lambda: iter(rows)


LR = yielding({"optim.lr": 0.1}, {"optim.lr": 0.2})
SEED = yielding({"seed": 1}, {"seed": 2}, {"seed": 3})


def test_product():
    """Every combination, the last name fastest; names with or without their prefix."""
    rows = grid.product({"sweep_lr": LR, "sweep_seed": SEED}, "lr, sweep_seed")
    expected = [{"optim.lr": a, "seed": b} for a, b in itertools.product((0.1, 0.2), (1, 2, 3))]
    assert rows == expected


@pytest.mark.parametrize(
    ("functions", "names", "message"),
    [
        ({"sweep_lr": LR}, "", "expected names"),
        ({"sweep_lr": LR}, "seed", "the page has lr"),
        ({"sweep_batch": LR}, "bach", "did you mean 'batch'"),
        ({}, "lr", "no sweep_"),
        ({"sweep_lr": LR}, "lr,lr", "twice"),
        ({"sweep_lr": LR, "sweep_b": LR}, "lr,b", "both set optim.lr"),
        ({"sweep_lr": yielding()}, "lr", "yields nothing"),
        ({"sweep_lr": yielding(0.1)}, "lr", "got the float 0.1"),
        ({"sweep_lr": lambda: 1 / 0}, "lr", "ZeroDivisionError"),
        ({"sweep_lr": yielding({"optim.rl": 1})}, "lr", "did you mean 'optim.lr'"),
        ({"sweep_lr": yielding({"lr": 1})}, "lr", "did you mean 'optim.lr'"),
        ({"sweep_a": yielding(*({"seed": i} for i in range(200))),
          "sweep_b": yielding(*({"optim.lr": i} for i in range(200)))}, "a,b", "40,000 trials"),
    ],
)  # fmt: skip
def test_mistakes(functions, names, message):
    """The error names the mistake, and what is expected."""
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        grid.product(functions, names)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_the_command_line(value):
    """The command of a trial contains exactly the number of its page."""
    assert float(grid.flag("optim.lr", value).partition("=")[2]) == value
