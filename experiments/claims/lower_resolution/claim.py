"""Lower resolution at equal cost (1512.00567, section 9)."""

from declare import NETWORKS, Claim, Comparison

ARMS = ("stride_2_and_pool", "stride_1_and_pool", "stride_1_no_pool")
SIZES = (32, 16, 8)

CLAIM = Claim(
    title="Images of lower resolution at equal cost",
    paper="1512.00567",
    place="section 9, Table 2",
    sentence="A network for 299 pixels with stride 2 and pooling after the first layer, one for "
    "151 with stride 1, and one for 79 with stride 1 and without the pool cost the same. Their "
    "quality is close: 76.6%, 76.4% and 75.2% top-1.",
    hypothesis="With 32, 16 and 8 pixels the first step loses at most two points, as in the paper "
    "(0.2), and the second too (1.2).",
    arms={
        arm: {"model.dialect": arm, "data.image_size": size, "data.pad": size // 8}
        for arm, size in zip(ARMS, SIZES, strict=True)
    },
    comparisons=[
        Comparison(
            "half the resolution loses at most two points", ARMS[1], ARMS[0], at_least=-0.02
        ),
        Comparison("a quarter loses at most two more", ARMS[2], ARMS[1], at_least=-0.02),
    ],
    config={
        "model.name": f"{NETWORKS}/resolution.py:Resolution",
        "model.width": 1.0,
        "model.drop_rows": (),
    },
    base=ARMS[0],
    full_arms={
        arm: {"data.image_size": size, "data.pad": 0}
        for arm, size in zip(ARMS, (299, 151, 79), strict=True)
    },
    limits="At 8 pixels an object of CIFAR-10 has a few pixels, where one of ImageNet has 79: the "
    "information runs out long before it does there.",
)
