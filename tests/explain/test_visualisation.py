"""Tests `inception_jax/explain/visualisation.py` and `fourier.py`: images that excite a unit."""

import jax
import numpy as np
import pytest

from inception_jax import explain
from inception_jax.explain import fourier
from inception_jax.explain.visualisation import _moved
from tests.explain.branched import network

pytestmark = pytest.mark.usefixtures("quick_compiler", "promotion")


@pytest.mark.slow
def test_it_excites_the_units():
    """A channel and a branch: more than the first image does, and the same for the same seed."""
    units = (3, "branch_1")
    one, again, other = (
        explain.visualise(*network(), "second", units, size=24, steps=12, seed=s) for s in (0, 0, 1)
    )
    for v, unit in zip(one, units, strict=True):
        assert v.unit == unit and v.image.shape == (24, 24, 3) and v.image.dtype == np.uint8
        assert v.excitation > 1.2 * v.start
    assert all((a.image == b.image).all() for a, b in zip(one, again, strict=True))
    assert any((a.image != b.image).any() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("row", "unit", "message"),
    [
        ("third", 0, "unknown row 'third'"),
        ("second", 32, "channel 32: expected one of the 32"),
        ("second", "branch_4", "unknown path 'branch_4'"),
    ],
)
def test_refusals(row, unit, message):
    """A row, a channel or a branch that is not there."""
    with pytest.raises(ValueError, match=message):
        explain.visualise(*network(), row, [unit], size=16, steps=1)


@pytest.mark.parametrize("size", [15, 16])
def test_the_basis(size):
    """Zeros are grey; each frequency has the energy 1 / f; colours are mixed."""
    zero = np.zeros((2, 1, size, size // 2 + 1, 3), np.float32)
    np.testing.assert_allclose(fourier.pixels(zero), 0.5)

    def wave(f, colour=0):
        one = zero.copy()
        one[0, 0, 0, f, colour] = 0.1
        x = np.asarray(fourier.pixels(one))[0]
        return np.log(x / (1 - x))

    assert np.abs(wave(1)).max() == pytest.approx(2 * np.abs(wave(2)).max(), rel=0.06)
    grey, coloured = wave(1)[0, 0], wave(1, 1)[0, 0]
    assert grey.min() > 0 and coloured[0] > 0 > coloured[2]
    assert fourier.spectrum(jax.random.key(0), 3, size).shape == (2, 3, size, size // 2 + 1, 3)


def test_moves_are_small():
    """A shifted, turned and scaled image is nearly the same where it is smooth."""
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    x = np.broadcast_to(ramp[:, None, None], (1, 64, 64, 3))
    moved = np.asarray(_moved(x, jax.random.key(0)))
    assert 0 < np.abs(moved - x)[:, 16:-16, 16:-16].max() < 0.25
