r"""A small GoogLeNet on 1,797 handwritten digits: the first run on any machine.

A quarter as wide, with three of its nine modules: one on each grid.

    inception-jax train --config=configs/digits.py --workdir=runs/digits

No paper; the data are scikit-learn's (8x8 pixels, every fifth held out).   Time: see README.md.
"""

from inception_jax import config as cfg

# Compiling is most of the time to the first step: with all nine modules it takes three times as
# long, for 98.89% of the test digits instead of 99.44% (experiments/digits).
DROPPED = tuple(f"inception_{row}" for row in ("3a", "4a", "4b", "4c", "4d", "5a"))


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, epochs=30.0, width=0.25)
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="digits",
            classes=10,
            image_size=24,
            batch_size=64,
            crop="inception",
            area=(0.6, 1.0),  # shifts, zooms and stretches the digit a little
            eval_crop=1.0,
            flip=False,
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "googlenet",
            dialect="slim",
            num_classes=10,
            width=a.width,
            stem="small",
            drop_rows=DROPPED,
            dropout=0.4,
            bn_group=0,
            bn_decay=0.9,
        ),
        loss=cfg.loss(label_smoothing=0.1, aux_weight=0.0, l2=4e-5),
        optim=cfg.sgd(
            schedule=cfg.cosine(lr=0.2, warmup_epochs=1.0),
            momentum=0.9,
            nesterov=True,
            clip=2.0,
        ),
        ema=dict(decay=0.99),
        train=cfg.train(epochs=a.epochs),
        eval=cfg.evaluation(split="test", batch_size=120, every_epochs=5.0),
        checkpoint=cfg.checkpoints(every_epochs=2.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=10),
    )


def sweep_lr():
    for lr in (0.05, 0.2, 0.8):
        yield {"optim.lr": lr}


def sweep_seed():
    for seed in range(3):
        yield {"seed": seed}


def search(trial):
    return {
        "optim.lr": trial.suggest_float("lr", 0.01, 1.0, log=True),
        "loss.label_smoothing": trial.suggest_float("smoothing", 0.0, 0.2),
    }
