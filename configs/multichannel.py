r"""Six channels: genotypes from pile-up tensors of 100 x 221, by a narrow GoogLeNet.

    python experiments/multichannel/make.py data/pileups
    inception-jax train --config=configs/multichannel.py --workdir=runs/multichannel

DeepVariant (Poplin et al., Nature Biotechnology 2018) calls variants with an Inception-v3 on such
tensors. The set here is made up, of three classes that differ in the share of reads with a variant
(experiments/multichannel), so there is no paper of this page and no published number. Images are
stretched to a square, by area, so that the column of the variant is not skipped. The run computes
the mean and the deviation of each channel at its start.   Time: see experiments/multichannel.

To start from a run on RGB images, add --config.checkpoint.init=runs/other, of the same network: its
first convolution is made to read six channels.
"""

from inception_jax import config as cfg

# Those of digits.py: one module on each grid is left, which compiles in a third of the time.
DROPPED = tuple(f"inception_{row}" for row in ("3a", "4a", "4b", "4c", "4d", "5a"))


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, epochs=12.0, width=0.25, image=96)
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="folder",
            dir="data/pileups",
            files="arrays",
            channels=6,
            classes=3,
            image_size=a.image,
            batch_size=25,
            crop="central",  # a column's place has a meaning: no random crop, no mirror
            eval_crop=1.0,
            interpolation="area",
            flip=False,
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "googlenet",
            dialect="slim",
            num_classes=3,
            width=a.width,
            drop_rows=DROPPED,
            dropout=0.2,
            bn_group=0,
            bn_decay=0.9,
        ),
        loss=cfg.loss(label_smoothing=0.0, aux_weight=0.0, l2=4e-5),
        optim=cfg.sgd(
            schedule=cfg.cosine(lr=0.1, warmup_epochs=1.0),
            momentum=0.9,
            nesterov=True,
            clip=2.0,
        ),
        ema=dict(decay=0.9),
        train=cfg.train(epochs=a.epochs),
        eval=cfg.evaluation(split="test", batch_size=50, every_epochs=2.0),
        checkpoint=cfg.checkpoints(every_epochs=2.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=6),
    )
