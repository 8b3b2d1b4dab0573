"""Auxiliary heads (1409.4842, section 5; 1512.00567, section 4)."""

from declare import NETWORKS, Claim, Comparison

ARMS = ("none", "upper", "both", "both_normalized")

CLAIM = Claim(
    title="Auxiliary heads carry the gradient, or regularise",
    paper="1512.00567",
    place="section 4; and 1409.4842, section 5",
    sentence="Heads on intermediate layers were to encourage discrimination there and to increase "
    "the gradient that is propagated back (1409.4842). They do not make training converge sooner; "
    "near its end the network with them overtakes, the lower head can be removed without harm, "
    "and heads with BatchNorm are better by 0.4 points: they regularise (1512.00567).",
    hypothesis="The gradient of the first layer is larger with heads, but the accuracy after half "
    "an epoch is the same, and at the end too: two epochs of a normalised network need neither "
    "help nor regularising.",
    arms={
        arm: {"model.dialect": arm, **({"model.aux": True} if arm != "none" else {})}
        for arm in ARMS
    },
    comparisons=[
        Comparison(
            "both heads enlarge the first layer's gradient",
            "both",
            "none",
            measure="first_gradient:1",
        ),
        Comparison("they do not help early", "both", "none", within=0.02, measure="early:0.5"),
        Comparison("they help at the end", "both", "none"),
        Comparison("the lower head adds nothing", "upper", "both", at_least=-0.005),
        Comparison("BatchNorm in the heads is better", "both_normalized", "both"),
    ],
    config={
        "model.name": f"{NETWORKS}/auxiliary.py:Auxiliary",
        "model.drop_rows": (),
        "loss.aux_weight": 0.3,
        "log.monitors": True,
        "log.every_steps": 50,
    },
    base="none",
    epochs=2.0,
    every=0.5,
    limits="All nine modules at a quarter of the width; a regulariser's use shows where there is "
    "overfitting, which two epochs do not reach.",
)
