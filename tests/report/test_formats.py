"""Tests `report/formats.py`: numbers and times as text."""

import math

import pytest

from inception_jax.report import formats


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formats.percent(0.7842), "78.42%"),
        (formats.FILTERS["percent"](None), "–"),
        (formats.interval((0.776, 0.7922)), "77.60–79.22"),
        (formats.whole(1234.6), "1,235"),
        (formats.short(23_817_352), "23.8 M"),
        (formats.short(12.0), "12"),
        (formats.plain(0.123456), "0.1235"),
        (formats.plain(math.inf), "inf"),
        (formats.rate(99.96), "100.0"),
        (formats.rate(1830.2), "1,830"),
        (formats.moment(0), "1970-01-01 00:00"),
    ],
)
def test_formats(text: str, expected: str) -> None:
    """One example per case."""
    assert text == expected
