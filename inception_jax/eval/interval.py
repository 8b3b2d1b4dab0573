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


def at_chance(split: str, top1: float, count: int, train: float, classes: int) -> str:
    """A warning if `split` is at chance and training is far above; else empty.

    Far above are three times chance's odds; `split` of `count` images is at chance if chance is in
    or above the interval of its top-1.
    """
    if classes < 2 or count <= 0 or not 0 <= top1 <= 1:
        return ""
    odds = 3 / (classes - 1)
    if train < odds / (1 + odds) or wilson(top1, count)[0] > 1 / classes:
        return ""
    return (
        f"top-1 is {train:.1%} in training, but {top1:.1%} on {split}, as by chance: the averages "
        f"that are evaluated may lag behind the weights (lower ema.decay and model.bn_decay), or "
        f"the images or labels of {split} differ from training's"
    )
