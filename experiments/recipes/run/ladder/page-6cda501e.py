r"""A ladder of recipes on CIFAR-10: each rung switches one thing more, at equal arithmetic.

    XLA_FLAGS=--xla_force_host_platform_device_count=2 inception-jax sweep launch --on=local \
        --config=experiments/recipes/page.py --config.data.dir=DIR \
        --sweep=ladder,seed --dir=runs/ladder

GoogLeNet with BatchNorm at a quarter of the width, one module for each grid. `--sweep=extra,seed`
switches one thing more on the top rung. Time, result: README.md.
"""

import functools
import itertools
import operator

from inception_jax import config as cfg
from inception_jax import models
from inception_jax.models.describe import describe

WIDTH, EPOCHS = 0.25, 3.0  # epochs of the first rung
WITHOUT = ("inception_3b", "inception_4b", "inception_4c", "inception_4d", "inception_4e",
           "inception_5a")  # fmt: skip


def get_config(arg: str = "") -> cfg.ConfigDict:
    cfg.parse_arg(arg)
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="folder",
            dir="data/cifar10",
            classes=10,
            image_size=32,
            batch_size=128,
            crop="pad",
            pad=2,
            eval_crop=1.0,
            cache=True,
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "googlenet",
            dialect="batchnorm",
            num_classes=10,
            width=WIDTH,
            stem="small",
            aux=False,
            drop_rows=WITHOUT,
            dropout=0.0,
            bn_group=64,
            bn_decay=0.9,
        ),
        loss=cfg.loss(label_smoothing=0.0, aux_weight=0.0, l2=5e-4),
        # As the ladder on ImageNet: a tenth after each third of the run.
        optim=cfg.sgd(
            schedule=cfg.staircase(lr=0.1, decay_rate=0.1, every_epochs=EPOCHS / 3),
            momentum=0.9,
        ),
        ema=dict(decay=0.0),
        train=cfg.train(epochs=EPOCHS),
        eval=cfg.evaluation(split="test", batch_size=500, every_epochs=EPOCHS),
        checkpoint=cfg.checkpoints(every_epochs=EPOCHS),
        mesh=cfg.mesh(reduce="float32"),  # as configs/cifar10.py
        log=cfg.logs(every_steps=50, tensorboard=False),
    )


MUON = {"optim.name": "muon", "optim.lr": 0.02, "optim.momentum": 0.95, "optim.weight_decay": 0.05}
RUNGS = (
    {},
    {"optim.schedule": "cosine", "optim.warmup_epochs": 0.25},
    {"optim.nesterov": True},
    {"loss.label_smoothing": 0.1},
    {"ema.decay": 0.99},
    MUON | {"loss.l2": 0.0},
    {"model.stem": "whitened"},
    {"augment.flips": "alternating"},
    {"eval.protocol": "mirror"},
)
EXTRA = (
    {"augment.mixup": 0.2},
    {"augment.cutmix": 1.0},
    {"augment.policy": "randaugment", "augment.magnitude": 5.0},
    {"augment.erasing": 0.25},
    {"data.pad": 4},
    {"loss.name": "binary_cross_entropy"},
    {"optim.lookahead": 5},
    {"optim.sam": 0.05},
)


def sweep_ladder():
    for rung in itertools.accumulate(RUNGS, operator.or_):
        yield rung | epochs(rung)


def sweep_extra():
    top = functools.reduce(operator.or_, RUNGS)
    for extra in EXTRA:
        yield top | extra | epochs(top | extra)


def sweep_seed():
    for seed in range(3):
        yield {"seed": seed}


def epochs(rung):
    """The epochs whose arithmetic is that of the first rung's: 6 FLOP a multiply-add and image.

    SAM computes two gradients of each image.
    """
    first, own = macs("small"), macs(rung.get("model.stem", "small"))
    passes = 2 if "optim.sam" in rung else 1
    return {"train.epochs": round(EPOCHS * first / own / passes, 3)}


@functools.cache
def macs(stem):
    model = models.create(
        "googlenet", dialect="batchnorm", num_classes=10, width=WIDTH, stem=stem, aux=False,
        drop_rows=WITHOUT,
    )  # fmt: skip
    return describe(model, 32).macs
