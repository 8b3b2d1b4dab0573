r"""Fine-tune a trained network on your own folder of images: classifier first, then last modules.

    inception-jax train --config=configs/finetune.py --workdir=runs/mine \
        --config.data.dir=DIR --config.checkpoint.init=runs/v3

DIR holds train/<class>/* and test/<class>/* (JPEG or PNG). runs/v3 is a run of ours, or what
`inception-jax import` made of a peer's weights. Every array of it that fits by name and shape is
taken, and those that start from random values are listed: with another number of classes, the
classifier. The network must be the old run's:
`--config=configs/finetune.py:model=xception,dialect=keras,image=299`, and so on.

The rows before `freeze_until` keep their weights. For `head` epochs the classifier learns alone, as
a fresh one would spoil the features (arXiv:2202.10054), then the others too, at `backbone_lr` times
its rate. What frozen rows make of an image is computed once and stored in the workdir's `features`
(1 MB an image of 299 pixels here; they may be deleted after the run), so that an epoch costs what
is above them. That needs the same images in every epoch; with `crops` they are cropped and mirrored
at random instead, and an epoch runs the whole network forward.

    freeze_until=logits     the classifier alone: a linear probe
    freeze_until=none       the whole network, on random crops, at the cost of training it
    moving                  BatchNorm's averages follow your images; otherwise they are kept
    scratch                 nothing is inherited: the whole network from random weights

No paper, so no published number; experiments/finetune has accuracies and times of each way on 3,068
photographs.   Time: there 18 minutes on two CPU cores; the bar shows it after a few steps.
"""

from inception_jax import config as cfg

# The old run's, whatever it was.
NETWORK = {
    "model": "inception_v3", "dialect": "", "image": 299, "width": 1.0, "stem": "paper",
}  # fmt: skip

# The rows of the last grid, from the reduction to it on, by network: what learns unless another row
# is named.
LAST = {
    "bn_inception": "inception_4e", "googlenet": "inception_5a", "googlenet_naive": "inception_5a",
    "inception_resnet_v1": "mixed_7a", "inception_resnet_v2": "mixed_7a",
    "inception_v2": "mixed_7a", "inception_v3": "mixed_7a", "inception_v4": "mixed_7a",
    "xception": "block_12",
}  # fmt: skip


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(
        arg, **NETWORK, epochs=8.0, head=3.0, freeze_until="", backbone_lr=0.5,
        crops=False, moving=False, scratch=False,
    )  # fmt: skip
    whole = a.scratch or a.freeze_until == "none"
    freeze_until = "" if whole else a.freeze_until or LAST[a.model]
    probe, crops = freeze_until == "logits", a.crops or whole
    normed = (a.model, a.dialect) not in cfg.WITHOUT_NORM
    images = dict(area=(0.3, 1.0)) if crops else dict(crop="central", flip=False)
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="folder",
            dir="data/mine",
            image_size=a.image,
            batch_size=32,
            eval_crop=1.0,
            interpolation="bilinear",
            **images,
        ),
        augment=cfg.augment(),
        model=cfg.model(
            a.model,
            dialect=a.dialect,
            width=a.width,
            stem=a.stem,
            aux=False,
            dropout=0.2,
            bn_group=0,
            bn_decay=0.99,
            bn_frozen=normed and not (a.moving or a.scratch),
        ),
        loss=cfg.loss(label_smoothing=0.1, aux_weight=0.0, l2=4e-5),
        optim=cfg.sgd(
            schedule=cfg.cosine(lr=0.02, warmup_epochs=1.0),
            momentum=0.9,
            nesterov=True,
            clip=2.0,
            freeze_until=freeze_until,
            head_epochs=0.0 if probe or a.scratch else a.head,
            backbone_lr=1.0 if probe or a.scratch else a.backbone_lr,
        ),
        ema=dict(decay=0.99),
        train=cfg.train(epochs=a.epochs, cache_features=bool(freeze_until) and not crops),
        eval=cfg.evaluation(split="test", batch_size=64, every_epochs=1.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=10),
    )
