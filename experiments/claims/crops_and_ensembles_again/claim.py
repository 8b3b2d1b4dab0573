"""Many crops once more, of networks that were trained on crops (1409.4842, section 7)."""

from dataclasses import replace

from crops_and_ensembles.claim import CLAIM as FIRST
from declare import Comparison

CLAIM = replace(
    FIRST,
    title="Many crops, of networks that were trained on crops",
    place=f"{FIRST.place}, once more",
    hypothesis="In crops_and_ensembles the networks had seen whole images only, and crops made "
    "them worse. Here they are trained as the paper's, on crops of 8% to 100% of an image. After "
    "that result: 10 crops are better than one, and 144 better than 10.",
    comparisons=[
        *FIRST.comparisons[:2],
        Comparison("3 networks: 144 crops are better than one", "144 x 3", "1 x 3"),
    ],
    config={"data.crop": "inception", "data.pad": 0},
    seeds=range(1, 4),
    limits="Such crops ask for more epochs than four, which have to suffice here.",
)
