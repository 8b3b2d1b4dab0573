"""Residual connections once more, in networks of the same cost (1602.07261, Figures 20 to 26)."""

from declare import NETWORKS, Claim, Comparison

LEVELS = ("0.4", "0.5", "0.6", "0.65", "0.7")

CLAIM = Claim(
    title="Residual connections at the same cost an image",
    paper="1602.07261",
    place="section 4, Figures 20 to 26, once more",
    sentence="At about the same cost an Inception-ResNet trains much faster than the Inception "
    "network without residual connections, and ends at about the same accuracy, slightly better.",
    hypothesis="In residual_convergence the residual network cost two thirds of the other an image "
    "and had half as many epochs more, at a rate that fell later. Here it is wider, so that both "
    "cost the same an image and see the same rates at the same time, which is the paper's "
    "comparison. After that result: it is sooner at 60, 65 and 70%, and ends the same.",
    arms={
        "inception": {"model.dialect": "inception"},
        "residual": {"model.dialect": "residual", "model.width": 0.154},
    },
    comparisons=[
        *(
            Comparison(
                f"sooner at {float(a):.0%}", "residual", "inception", measure=f"epochs_to:{a}"
            )
            for a in LEVELS
        ),
        Comparison("ends about the same", "residual", "inception", within=0.02),
    ],
    config={
        "model.name": f"{NETWORKS}/residual.py:Residual",
        "model.width": 0.125,
        "model.drop_rows": (),
    },
    base="inception",
    seeds=range(1, 6),
    epochs=2.0,
    every=0.25,
    full_arms={"residual": {"model.width": 1.15}},
    limits="The papers' networks have 14 and 20 modules, these have six.",
)
