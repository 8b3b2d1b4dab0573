"""Inception's modules to separable convolutions (1610.02357)."""

from declare import NETWORKS, Claim, Comparison

CLAIM = Claim(
    title="From Inception's modules to separable convolutions",
    paper="1610.02357",
    place="Figures 1 to 4, and section 4.7 with Figure 10",
    sentence="Between a convolution on all channels, one on three or four segments, and one on "
    "each channel alone there is a spectrum; its extreme end, the separable convolution, uses "
    "parameters more efficiently. Between its two parts no ReLU leads to faster convergence and a "
    "better end.",
    hypothesis="At equal arithmetic, which makes the network wider, each step along the spectrum "
    "is better. A ReLU between the two parts harms the separable one and helps the other, whose "
    "features are deep.",
    arms={
        "one_segment": {"model.dialect": "one_segment", "model.width": 0.5},
        "four_segments": {"model.dialect": "four_segments", "model.width": 0.75},
        "each_channel": {"model.dialect": "each_channel", "model.width": 1.0},
        "one_segment_relu": {"model.dialect": "one_segment_relu", "model.width": 0.5},
        "each_channel_relu": {"model.dialect": "each_channel_relu", "model.width": 1.0},
    },
    comparisons=[
        Comparison("four segments are better than one", "four_segments", "one_segment"),
        Comparison("each channel alone is better still", "each_channel", "four_segments"),
        Comparison("each channel alone: no ReLU is better", "each_channel", "each_channel_relu"),
    ],
    config={"model.name": f"{NETWORKS}/separable.py:Separable", "model.drop_rows": ()},
    base="one_segment",
)
