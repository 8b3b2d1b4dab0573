r"""The ladder of page.py on ImageNet-1k: one network of full width, 90 epochs a rung.

    inception-jax sweep launch --on=slurm --config=experiments/recipes/imagenet.py \
        --config.data.dir=DIR --sweep=ladder,seed --dir=runs/ladder_imagenet

Another network: imagenet.py:model=inception_v4.

No paper. Not measured: what a rung costs by `plan` is in README.md; all cost the same but for
Muon's matrices, the mixing and the second view of evaluation.
"""

import itertools
import operator

from inception_jax import config as cfg

BATCH, EPOCHS = 1024, 90.0


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, model="inception_v3", image=299, dtype="bfloat16")
    return cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=a.image, batch_size=BATCH, colour="none", interpolation="bilinear"
        ),
        augment=cfg.augment(),
        model=cfg.model(
            a.model,
            num_classes=1000,
            aux=False,
            dropout=0.0,
            bn_group=32,
            bn_decay=0.9,
            dtype=a.dtype,
        ),
        loss=cfg.loss(label_smoothing=0.0, aux_weight=0.0, l2=5e-5),
        # 0.1 for 256 images is of Goyal et al. (1706.02677), a tenth every 30 epochs of
        # fb.resnet.torch; the former's L2 is 1e-4, here it is half of that by our choice.
        optim=cfg.sgd(
            schedule=cfg.staircase(lr=0.1 * BATCH / 256, decay_rate=0.1, every_epochs=30.0),
            momentum=0.9,
        ),
        ema=dict(decay=0.0),
        train=cfg.train(epochs=EPOCHS),
        eval=cfg.evaluation(split="validation", batch_size=1000, every_epochs=10.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )


MUON = {"optim.name": "muon", "optim.lr": 0.01, "optim.momentum": 0.95, "optim.weight_decay": 0.05}
RUNGS = (
    {},
    {"optim.schedule": "cosine", "optim.warmup_epochs": 5.0},
    {"optim.nesterov": True},
    {"loss.label_smoothing": 0.1},
    {"ema.decay": 0.9999},
    MUON | {"loss.l2": 0.0},
    {"augment.flips": "alternating"},
    {"augment.mixup": 0.2},
    {"augment.policy": "randaugment"},
    {"eval.protocol": "mirror"},
)


def sweep_ladder():
    yield from itertools.accumulate(RUNGS, operator.or_)


def sweep_seed():
    for seed in range(3):
        yield {"seed": seed}
