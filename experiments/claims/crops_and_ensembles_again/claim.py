"""Many crops once more, of networks that were trained on crops (1409.4842, section 7)."""

from declare import Claim, Comparison

CLAIM = Claim(
    title="Many crops, of networks that were trained on crops",
    paper="1409.4842",
    place="section 7, Table 3, once more",
    sentence="Of one network with one crop the top-5 error is 10.07%, with 10 crops 9.15%, with "
    "144 7.89%; of seven networks 8.09%, 7.62% and 6.67%.",
    hypothesis="In crops_and_ensembles the networks had seen whole images only, and crops made "
    "them worse. Here they are trained as the paper's, on crops of 8% to 100% of an image. After "
    "that result: 10 crops are better than one, and 144 better than 10.",
    arms={"network": {}},
    comparisons=[
        Comparison("one network: 10 crops are better than one", "10 x 1", "1 x 1"),
        Comparison("one network: 144 are better than 10", "144 x 1", "10 x 1"),
        Comparison("3 networks: 144 crops are better than one", "144 x 3", "1 x 3"),
    ],
    config={"data.crop": "inception", "data.pad": 0},
    epochs=4.0,
    crops=("config", "10crop", "144crop"),
    limits="Such crops ask for more epochs than four, which have to suffice here.",
)
