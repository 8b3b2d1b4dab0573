"""Average pooling in place of a dense layer (1409.4842, section 5)."""

from declare import NETWORKS, Claim, Comparison

CLAIM = Claim(
    title="Averaging in place of a dense layer",
    paper="1409.4842",
    place="section 5",
    sentence="Moving from fully connected layers to average pooling improved the top-1 accuracy by "
    "about 0.6%; dropout remained essential even then.",
    hypothesis="Averaging is better than a dense layer of 1,024 units (256 at this width) on the "
    "last grid, by about 0.6 points. Dropout is not essential here: three epochs do not overfit.",
    arms={
        "average": {"model.dialect": "average"},
        "dense": {"model.dialect": "dense"},
        "average_no_dropout": {"model.dialect": "average", "model.dropout": 0.0},
    },
    comparisons=[
        Comparison("averaging is better than a dense layer", "average", "dense"),
        Comparison("with dropout it is better than without", "average", "average_no_dropout"),
    ],
    config={"model.name": f"{NETWORKS}/pooling_head.py:PoolingHead", "model.dropout": 0.4},
    base="average",
    seeds=range(1, 7),
    limits="Dropout acts against overfitting, of which there is none in so few epochs.",
)
