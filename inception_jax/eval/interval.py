"""Confidence intervals of proportions."""

import math


def wilson(fraction: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The Wilson score interval of a proportion, 95% by default.

    Unlike the usual plus-or-minus it stays inside [0, 1] and has a width at 0% and 100%.
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if count <= 0:
        raise ValueError(f"expected a count above 0, found {count}")
    centre = fraction + z * z / (2 * count)
    spread = z * math.sqrt(fraction * (1 - fraction) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
