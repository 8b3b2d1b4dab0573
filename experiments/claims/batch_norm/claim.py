"""Batch normalisation (1502.03167, Figure 2 and section 4.2)."""

from declare import NETWORKS, Claim, Comparison

SAME = "epochs_to:@plain"  # until the accuracy at which `plain` ends

CLAIM = Claim(
    title="BatchNorm: the same accuracy in fewer steps, and sigmoids",
    paper="1502.03167",
    place="section 4.2, Figures 2 and 3",
    sentence="With BatchNorm Inception reaches the same accuracy in less than half the steps; with "
    "five times the rate in 14 times fewer; thirty times the rate starts slower and ends higher. "
    "With sigmoids it trains to 69.8%; without BatchNorm such a network stays at chance.",
    hypothesis="The normalised network is where the plain one, at the best of three rates, ends, "
    "in half of its three epochs at the same rate, and sooner at five times that. Thirty times is "
    "too high for three epochs. Sigmoids train with BatchNorm only.",
    arms={
        "plain": {"model.dialect": "plain"},
        "x1": {"model.dialect": "normalized"},
        "x5": {"model.dialect": "normalized"},
        "x30": {"model.dialect": "normalized"},
        "sigmoid_x5": {"model.dialect": "normalized_sigmoid"},
        "sigmoid_plain": {"model.dialect": "plain_sigmoid"},
    },
    comparisons=[
        Comparison(
            "the same rate: at the plain end in half of the epochs",
            "x1",
            "plain",
            at_least=1.5,
            measure=SAME,
        ),
        Comparison("five times the rate: sooner still", "x5", "x1", measure=SAME),
        Comparison("thirty times the rate ends higher than five", "x30", "x5"),
        Comparison("sigmoids train with BatchNorm", "sigmoid_x5", "sigmoid_plain", at_least=0.2),
        Comparison(
            "and stay at chance without",
            "sigmoid_x5",
            "sigmoid_plain",
            at_least=0.5,
            measure="dead",
        ),
    ],
    config={"model.name": f"{NETWORKS}/normalization.py:Normalization"},
    rates=(0.01, 0.03, 0.1),
    rate_of={
        "x1": ("plain", 1.0),
        "x5": ("plain", 5.0),
        "x30": ("plain", 30.0),
        "sigmoid_x5": ("plain", 5.0),
    },
    every=0.25,
)
