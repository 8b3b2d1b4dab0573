r"""A new head, then the whole network, on your own folder of images, from a run or an import.

    inception-jax train --config=configs/finetune.py --workdir=runs/mine \
        --config.data.dir=DIR --config.data.classes=5 --config.model.num_classes=5 \
        --config.checkpoint.init=runs/v3

DIR holds train/<class>/* and test/<class>/* (JPEG or PNG). runs/v3 is a run of ours, or what
`inception-jax import` made of a peer's weights. Every array of it that fits by name and shape is
taken, and those that start from random values are listed: with another number of classes, the
classifier. The network must be the old run's:
`--config=configs/finetune.py:model=xception,dialect=keras,image=299`, and so on.

`backbone_lr` is the rate of everything but the classifier, relative to its own: 1 for the whole
network alike, 0.1 to keep more of what it knows, 0 to train the classifier alone. Then BatchNorm
keeps its averages and nothing is computed backwards through the network: a step costs a forward
pass.

Leave checkpoint.init empty to start from nothing.   No paper, so no published number (README.md has
an example).   Time: the bar shows it after a few steps.
"""

from inception_jax import config as cfg

# The old run's, whatever it was.
NETWORK = {
    "model": "inception_v3", "dialect": "", "image": 299, "width": 1.0, "stem": "paper",
}  # fmt: skip


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, **NETWORK, epochs=20.0, backbone_lr=1.0)
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="folder",
            dir="data/mine",
            classes=2,
            image_size=a.image,
            batch_size=32,
            area=(0.3, 1.0),  # milder than from nothing: the features exist already
            interpolation="bilinear",
        ),
        augment=cfg.augment(),
        model=cfg.model(
            a.model,
            dialect=a.dialect,
            num_classes=2,
            width=a.width,
            stem=a.stem,
            aux=False,
            dropout=0.2,
            bn_group=0,
            bn_decay=0.99,
        ),
        loss=cfg.loss(label_smoothing=0.1, aux_weight=0.0, l2=4e-5),
        optim=cfg.sgd(
            schedule=cfg.cosine(lr=0.01, warmup_epochs=1.0),
            momentum=0.9,
            nesterov=True,
            clip=2.0,
            backbone_lr=a.backbone_lr,
        ),
        ema=dict(decay=0.99),
        train=cfg.train(epochs=a.epochs),
        eval=cfg.evaluation(split="test", batch_size=64, every_epochs=1.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=10),
    )
