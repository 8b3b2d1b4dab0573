"""Two 3x3 convolutions for one 5x5 (1512.00567, section 3.1)."""

from declare import NETWORKS, Claim, Comparison, Count, macs

NETWORK = f"{NETWORKS}/two_small.py:TwoSmall"
LARGE, SMALL, LINEAR = "one_5x5", "two_3x3", "two_3x3_linear"


def counts():
    """Of the 5x5 and the two 3x3 alone, on the 16x16 grid: its 1x1s take 4,096 a position."""
    large, small = (macs(NETWORK, arm, "module_16") - 256 * 4096 for arm in (LARGE, SMALL))
    return [Count("multiply-adds of a 5x5 over those of two 3x3", 25 / 18, large / small)]


CLAIM = Claim(
    title="Two 3x3 convolutions for one 5x5",
    paper="1512.00567",
    place="section 3.1 and Figure 2",
    sentence="A 5x5 convolution can be replaced by two layers of 3x3 for 18/25 of the computation. "
    "Does that lose expressiveness? And should the first of the two be linear, as it is a factor "
    "of the 5x5? Linear was always inferior to a ReLU (Figure 2: 76.2% against 77.2% top-1).",
    hypothesis="The pair is cheaper, so at equal arithmetic it trains for more epochs; it is at "
    "least as good as the 5x5. The ReLU between the two is better than none: the linear pair has "
    "no function that the 5x5 lacks.",
    arms={arm: {"model.dialect": arm} for arm in (LARGE, SMALL, LINEAR)},
    comparisons=[
        Comparison("two 3x3 lose nothing against a 5x5", SMALL, LARGE, at_least=-0.005),
        Comparison("a ReLU between the two is better than none", SMALL, LINEAR),
    ],
    counts=counts,
    config={"model.name": NETWORK, "model.width": 0.5, "model.drop_rows": ()},
    rates=(0.03, 0.1, 0.3, 1.0),
    base=LARGE,
)
