"""Number formats: the filters of the HTML templates."""

import math
import time
from collections.abc import Callable
from typing import Any

from inception_jax.report.configs import text

NONE = "–"


def percent(fraction: float | None, digits: int = 2) -> str:
    """0.7842 as 78.42%."""
    return NONE if fraction is None else f"{100 * fraction:.{digits}f}%"


def interval(bounds: tuple[float, float] | None, digits: int = 2) -> str:
    """A pair of fractions as 77.60–79.22, in percent."""
    return "" if bounds is None else "–".join(f"{100 * b:.{digits}f}" for b in bounds)


def whole(value: float | None) -> str:
    """A count with thousands separators."""
    return NONE if value is None else f"{round(value):,}"


def short(value: float | None) -> str:
    """23817352 as 23.8 M."""
    if value is None:
        return NONE
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def plain(value: float | None) -> str:
    """A number to four significant digits."""
    if value is None:
        return NONE
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def rate(value: float | None) -> str:
    """Images per second; one decimal below 100."""
    return NONE if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def duration(seconds: float | None) -> str:
    """8040 as 2 h 14 min."""
    if seconds is None:
        return NONE
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def moment(seconds: float) -> str:
    """A Unix time as 2026-11-22 17:05, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


FILTERS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (percent, interval, whole, short, plain, rate, duration, moment, text)
}
