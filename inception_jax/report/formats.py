"""Number formats: the filters of the HTML templates."""

import math
import time
from collections.abc import Callable
from typing import Any

from inception_jax.progress import duration
from inception_jax.report.configs import text

NONE = "–"


def percent(fraction: float, digits: int = 2) -> str:
    """0.7842 as 78.42%."""
    return f"{100 * fraction:.{digits}f}%"


def interval(bounds: tuple[float, float]) -> str:
    """A pair of fractions as 77.60–79.22, in percent."""
    return "–".join(f"{100 * b:.2f}" for b in bounds)


def whole(value: float) -> str:
    """A count with thousands separators."""
    return f"{round(value):,}"


def short(value: float) -> str:
    """23817352 as 23.8 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def plain(value: float) -> str:
    """A number to four significant digits."""
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def rate(value: float) -> str:
    """Images per second; one decimal below 100."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def moment(seconds: float) -> str:
    """A Unix time as 2026-11-22 17:05, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


def _or_dash(number: Callable[..., str]) -> Callable[..., str]:
    return lambda value, *more: NONE if value is None else number(value, *more)


NUMBERS = (percent, interval, whole, short, plain, rate, duration, moment)
# A dash for None, except in configs.
FILTERS: dict[str, Callable[..., Any]] = {f.__name__: _or_dash(f) for f in NUMBERS} | {"text": text}
