"""Confidence intervals of proportions and of means."""

import math

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571)  # 97.5% quantiles of 1 to 5 degrees of freedom


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


def difference(a: tuple[float, int], b: tuple[float, int]) -> tuple[float, float]:
    """The 95% interval of a - b, of proportions (fraction, count) of independent samples.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions", 1998,
    method 10. Of two networks on the same images it is wider than it need be.
    """
    (p, m), (q, n) = a, b
    (low_p, high_p), (low_q, high_q) = wilson(p, m), wilson(q, n)
    below, above = math.hypot(p - low_p, high_q - q), math.hypot(high_p - p, q - low_q)
    return p - q - below, p - q + above


def is_at_chance(top1: float, count: int, classes: int) -> bool:
    """Whether a top-1 on `count` images is no more than chance's: within its interval, or below."""
    return classes > 1 and count > 0 and 0 <= top1 <= 1 and wilson(top1, count)[0] <= 1 / classes


def student_t(degrees: int) -> float:
    """The 97.5% quantile of Student's distribution; beyond the table to 0.1%."""
    if degrees <= len(STUDENT):
        return STUDENT[degrees - 1]
    z, n = 1.959964, degrees  # Cornish and Fisher's expansion
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    return z + (z**3 + z) / (4 * n) + second + third


def at_chance(split: str, top1: float, count: int, train: float, classes: int) -> str:
    """A warning if `split` is at chance and training far above, at three times the odds."""
    if not is_at_chance(top1, count, classes):
        return ""
    odds = 3 / (classes - 1)
    if train < odds / (1 + odds):
        return ""
    return (
        f"top-1 is {train:.1%} in training, but {top1:.1%} on {split}, as by chance: the averages "
        f"that are evaluated may lag behind the weights (lower ema.decay and model.bn_decay), or "
        f"the images or labels of {split} differ from training's"
    )
