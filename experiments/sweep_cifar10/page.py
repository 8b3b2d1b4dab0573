r"""Sweeps: rate, label smoothing and auxiliary heads of a small GoogLeNet on CIFAR-10.

    inception-jax sweep launch --on=slurm --config=experiments/sweep_cifar10/page.py \
        --config.data.dir=DIR --sweep=lr,smoothing,aux --dir=runs/sweep_cifar10

No paper. GoogLeNet with BatchNorm at a quarter of the width, five of its nine modules and both
heads.   Time, result: README.md.
"""

from inception_jax import config as cfg

WITHOUT = ("inception_3a", "inception_4b", "inception_4c", "inception_5a")  # a head sits on 4d


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, epochs=1.0)
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
            width=0.25,
            stem="small",
            drop_rows=WITHOUT,
            dropout=0.0,
            bn_group=64,
            bn_decay=0.9,
        ),
        loss=cfg.loss(label_smoothing=0.1, aux_weight=0.0, l2=0.0),
        optim=cfg.muon(
            schedule=cfg.cosine(lr=0.01, warmup_epochs=0.5),
            momentum=0.95,
            weight_decay=0.05,
        ),
        ema=dict(decay=0.995),
        train=cfg.train(epochs=a.epochs),
        eval=cfg.evaluation(split="test", batch_size=500, every_epochs=0.5),
        checkpoint=cfg.checkpoints(every_epochs=0.25),
        mesh=cfg.mesh(reduce="float32"),
        log=cfg.logs(every_steps=50, tensorboard=False),
    )


def sweep_lr():
    for lr in (0.003, 0.01, 0.03, 0.1):
        yield {"optim.lr": lr}


def sweep_smoothing():
    for value in (0.0, 0.1):
        yield {"loss.label_smoothing": value}


def sweep_aux():
    for weight in (0.0, 0.3):  # 0.3: Szegedy et al., "Going Deeper with Convolutions", section 5
        yield {"loss.aux_weight": weight}


def search(trial):
    return {
        "optim.lr": trial.suggest_float("lr", 1e-3, 0.1, log=True),
        "loss.label_smoothing": trial.suggest_float("smoothing", 0.0, 0.2),
        "loss.aux_weight": trial.suggest_float("aux", 0.0, 0.6),
    }
