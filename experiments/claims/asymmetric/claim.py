"""1 x n and n x 1 for n x n (1512.00567, section 3.2)."""

from declare import NETWORKS, Claim, Comparison, Count, macs

NETWORK = f"{NETWORKS}/asymmetric.py:Asymmetric"
ARMS = ("square", "grid_32", "grid_16", "grid_8", "all_grids")


def counts():
    """Of the convolution alone, on the 16x16 grid: its 1x1s take 8,192 a position."""
    found = {
        arm: macs(NETWORK, arm, "module_16") - 256 * 8192
        for arm in ("square", "all_grids", "square_3", "all_3")
    }
    return [
        Count(
            "3x3 over 3x1 and 1x3: 243 multiplications to 162",
            243 / 162,
            found["square_3"] / found["all_3"],
        ),
        Count("5x5 over 5x1 and 1x5", 25 / 10, found["square"] / found["all_grids"]),
    ]


CLAIM = Claim(
    title="1 x n and n x 1 for n x n",
    paper="1512.00567",
    place="section 3.2 and Figure 6",
    sentence="Any n x n convolution can be replaced by a 1 x n and an n x 1, and the saving grows "
    "with n. In practice this does not work well on early layers, but gives very good results on "
    "medium grids, of 12 to 20 positions a side.",
    hypothesis="With n = 5, in the module of one grid and at equal arithmetic: on the grid of 32 "
    "the factorised network is worse than the square one, on that of 16 it loses nothing, and "
    "on that of 8 neither.",
    arms={arm: {"model.dialect": arm} for arm in ARMS},
    comparisons=[
        Comparison("on the first grid, 32, it is worse", "square", "grid_32"),
        Comparison("on the grid 16 it loses nothing", "grid_16", "square", at_least=-0.005),
        Comparison("on the grid 8 it loses nothing", "grid_8", "square", at_least=-0.005),
    ],
    counts=counts,
    config={"model.name": NETWORK, "model.width": 0.5, "model.drop_rows": ()},
    base="square",
    epochs=2.0,
    limits="The first grid is of 32 positions here and not of 149; the module is one of three.",
)
