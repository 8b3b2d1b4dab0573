"""Residual connections (1602.07261, Figures 20 to 26)."""

from declare import NETWORKS, Claim, Comparison

LEVELS = ("0.4", "0.5", "0.6", "0.65", "0.7")

CLAIM = Claim(
    title="Residual connections: sooner, and to the same end",
    paper="1602.07261",
    place="section 4, Figures 20 to 26",
    sentence="At about the same cost an Inception-ResNet trains much faster than the Inception "
    "network without residual connections, and ends at about the same accuracy, slightly better.",
    hypothesis="Two modules a grid are not deep enough to need the shortcut: the residual network "
    "is sooner at low accuracies at best, and ends the same.",
    arms={arm: {"model.dialect": arm} for arm in ("inception", "residual")},
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
    epochs=2.0,
    every=0.25,
    limits="The papers' networks have 14 and 20 modules.",
)
