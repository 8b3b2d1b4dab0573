"""Residual connections once more, in networks of the same cost (1602.07261, Figures 20 to 26)."""

from dataclasses import replace

from residual_convergence.claim import CLAIM as FIRST

CLAIM = replace(
    FIRST,
    title="Residual connections at the same cost an image",
    place=f"{FIRST.place}, once more",
    hypothesis="In residual_convergence the residual network cost two thirds of the other an image "
    "and had half as many epochs more, at a rate that fell later. Here it is wider, so that both "
    "cost the same an image and see the same rates at the same time, which is the paper's "
    "comparison. After that result: it is sooner at 60, 65 and 70%, and ends the same.",
    arms={**FIRST.arms, "residual": {**FIRST.arms["residual"], "model.width": 0.154}},
    full_arms={"residual": {"model.width": 1.15}},
    seeds=range(1, 6),
)
