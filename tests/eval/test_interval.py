"""Tests `inception_jax/eval/interval.py`: Wilson's interval against the roots it is defined by."""

import pytest

from inception_jax.eval.interval import wilson


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (3, 10), (10, 10), (721, 1000)])
def test_the_ends_are_z_standard_errors_away(hits, count):
    """Each end p solves |hits / count - p| = z sqrt(p (1 - p) / count), within [0, 1]."""
    share, z = hits / count, 1.959964
    low, high = wilson(share, count)
    assert 0 <= low < high <= 1
    for p in (low, high):
        assert (share - p) ** 2 == pytest.approx(z**2 * p * (1 - p) / count, abs=1e-12)


def test_no_images_are_refused():
    """A proportion of nothing has no interval."""
    with pytest.raises(ValueError, match="above 0"):
        wilson(0.0, 0)
