"""Scaled residuals (1602.07261, section 3.3)."""

from declare import Claim, Comparison


def arm(scale, width=0.125, **more):
    return {"model.residual_scale": scale, "model.width": width, **more}


CLAIM = Claim(
    title="Wide residual networks die unless scaled",
    paper="1602.07261",
    place="section 3.3",
    sentence="Above 1,000 filters residual variants died early in training: the last layer before "
    "the average pooling produced only zeros. Neither a lower rate nor an extra BatchNorm "
    "prevented it; scaling the residuals by 0.1 to 0.3 did, and never harmed the accuracy. He et "
    "al. suggest a warm-up with a low rate instead, which was not found to be reliable.",
    hypothesis="At a rate that is too high (0.5, no clipping) Inception-ResNet-v1 dies within half "
    "an epoch with unscaled residuals, the more often the wider it is, and lives with "
    "0.1 to 0.3. A tenth of the rate saves it here: unlike the paper's, our cause is the rate.",
    arms={
        "scale_1_narrow": arm(1.0, 0.0625),
        "scale_1_wide": arm(1.0, 0.25),
        "scale_1": arm(1.0),
        "scale_0.3": arm(0.3),
        "scale_0.17": arm(0.17),
        "scale_0.1": arm(0.1),
        "scale_1_lower_rate": arm(1.0, **{"optim.lr": 0.05}),
        "scale_1_warmup": arm(1.0, **{"optim.warmup_epochs": 0.1}),
    },
    comparisons=[
        Comparison(
            "scale 0.1 lives where 1 dies", "scale_0.1", "scale_1", at_least=0.5, measure="dead"
        ),
        Comparison("so does 0.3", "scale_0.3", "scale_1", at_least=0.5, measure="dead"),
        Comparison(
            "the narrow one lives, the wide one dies",
            "scale_1_narrow",
            "scale_1_wide",
            measure="dead",
        ),
        Comparison(
            "a lower rate does not help",
            "scale_1_lower_rate",
            "scale_1",
            within=0.5,
            measure="dead",
        ),
        Comparison(
            "a warm-up does not help", "scale_1_warmup", "scale_1", within=0.5, measure="dead"
        ),
    ],
    config={
        "model.name": "inception_resnet_v1",
        "model.dialect": "paper",
        "model.drop_rows": (),
        "data.batch_size": 64,
        "optim.lr": 0.5,
        "optim.nesterov": False,
        "optim.warmup_epochs": 0.0,
    },
    full={"optim.lr": 2.0, "optim.warmup_epochs": 0.0},
    full_arms={
        "scale_1_lower_rate": {"optim.lr": 0.2},
        "scale_1_warmup": {"optim.warmup_epochs": 5.0},
    },
    rates=(),
    seeds=range(1, 6),
    epochs=0.5,
)
