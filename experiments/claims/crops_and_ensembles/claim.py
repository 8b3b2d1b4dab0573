"""Many crops and many networks (1409.4842, section 7)."""

from declare import Claim, Comparison

CLAIM = Claim(
    title="Many crops, many networks",
    paper="1409.4842",
    place="section 7, Table 3",
    sentence="Of one network with one crop the top-5 error is 10.07%, with 10 crops 9.15%, with "
    "144 7.89%; of seven networks 8.09%, 7.62% and 6.67%.",
    hypothesis="The error falls in that order: with crops at each number of networks, and with "
    "networks at each number of crops. In top-1, as five of ten classes are nearly always right.",
    arms={"network": {}},
    comparisons=[
        Comparison("one network: 10 crops are better than one", "10 x 1", "1 x 1"),
        Comparison("one network: 144 are better than 10", "144 x 1", "10 x 1"),
        Comparison("one crop: 3 networks are better than one", "1 x 3", "1 x 1"),
        Comparison("one crop: 7 are better than 3", "1 x 7", "1 x 3"),
        Comparison("7 networks: 144 crops are better than one", "144 x 7", "1 x 7"),
    ],
    seeds=range(1, 8),
    epochs=4.0,
    crops=("config", "10crop", "144crop"),
    limits="Crops of a 32-pixel image are enlarged by up to 14% at 10 crops and 57% at 144, as of "
    "256 and 352 pixels for 224; training shifts by two pixels only.",
)
