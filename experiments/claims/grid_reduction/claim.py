"""Pool and convolve side by side (1512.00567, section 5)."""

from declare import NETWORKS, Claim, Comparison, Count, macs

NETWORK = f"{NETWORKS}/grid_reduction.py:Reducing"
POOL_FIRST, CONV_FIRST, BESIDE = "pool_then_conv", "conv_then_pool", "side_by_side"


def counts():
    """Of the convolution before or behind the pool, from the grid 16 to 8."""
    large, small = (macs(NETWORK, arm, "conv_8") for arm in (CONV_FIRST, POOL_FIRST))
    return [Count("multiply-adds of convolving first over pooling first", 4.0, large / small)]


CLAIM = Claim(
    title="Reduce the grid by pooling and convolving side by side",
    paper="1512.00567",
    place="section 5, Figures 9 and 10",
    sentence="To go from d x d grids of k channels to half the side and 2k channels, one can "
    "convolve and then pool, at four times the cost, or pool first, which makes a bottleneck for "
    "the representation. Pooling and a convolution with stride 2 side by side is cheap and has no "
    "bottleneck.",
    hypothesis="At equal arithmetic, side by side is better than either order.",
    arms={arm: {"model.dialect": arm} for arm in (POOL_FIRST, CONV_FIRST, BESIDE)},
    comparisons=[
        Comparison("better than pooling first", BESIDE, POOL_FIRST),
        Comparison("better than convolving first, at equal arithmetic", BESIDE, CONV_FIRST),
    ],
    counts=counts,
    config={"model.name": NETWORK, "model.width": 0.5, "model.drop_rows": ()},
    base=POOL_FIRST,
)
