"""Tests `inception_jax/eval/interval.py`: Wilson's interval against the roots it is defined by."""

import pytest

from inception_jax.eval.interval import at_chance, difference, wilson


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


@pytest.mark.parametrize(
    ("top1", "count", "train", "classes", "warned"),
    [
        (0.2, 500, 0.51, 5, True),
        (0.24, 500, 0.51, 5, False),  # above chance by more than its interval
        (0.2, 500, 0.3, 5, False),  # training has only begun
        (0.5, 100, 0.9, 2, True),
        (0.5, 100, 0.6, 2, False),
        (0.001, 50_000, 0.05, 1000, True),
        (0.0, 50_000, 0.05, 1000, True),
        (0.0, 0, 1.0, 10, False),
        (float("nan"), 10, 1.0, 10, False),
    ],
)
def test_a_split_at_chance_is_noticed(top1, count, train, classes, warned):
    """Only if training is far above chance; the line has both figures."""
    text = at_chance("test", top1, count, train, classes)
    assert bool(text) == warned and "\n" not in text
    assert not warned or (f"{train:.1%}" in text and f"{top1:.1%} on test" in text)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    # Newcombe, 1998, "... difference between independent proportions", Table II, method 10.
    [((56 / 70, 70), (48 / 80, 80), 0.0524, 0.3339), ((9 / 10, 10), (3 / 10, 10), 0.1705, 0.8090)],
)
def test_difference_of_proportions(a, b, low, high):
    """The interval equals published values."""
    assert difference(a, b) == pytest.approx((low, high), abs=5e-5)
