r"""GoogLeNet with BatchNorm and a small stem on CIFAR-10, from a folder of JPEG files.

    XLA_FLAGS=--xla_force_host_platform_device_count=2 \
        inception-jax train --config=configs/cifar10.py --config.data.dir=DIR --workdir=runs/cifar10

No paper. DIR holds train/<class>/*.jpg (50,000) and test/<class>/*.jpg (10,000); XLA_FLAGS makes
two devices of a CPU with two cores.   Time, result, what was tried: experiments/cifar10/README.md.
"""

from inception_jax import config as cfg

# Nine epochs train four modules better than nine (experiments/cifar10/README.md).
WITHOUT = ("inception_3a", "inception_4b", "inception_4c", "inception_4d", "inception_5a")


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, epochs=9.0, width=0.5, lr=0.01, batch=128)
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="folder",
            dir="data/cifar10",
            classes=10,
            image_size=32,
            batch_size=a.batch,
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
            width=a.width,
            stem="small",
            aux=False,
            drop_rows=WITHOUT,
            dropout=0.0,
            bn_group=64,
            bn_decay=0.9,
        ),
        loss=cfg.loss(label_smoothing=0.1, aux_weight=0.0, l2=0.0),
        optim=cfg.muon(
            schedule=cfg.cosine(lr=a.lr, warmup_epochs=0.5),
            momentum=0.95,
            weight_decay=0.05,
        ),
        ema=dict(decay=0.995),
        train=cfg.train(epochs=a.epochs),
        eval=cfg.evaluation(split="test", batch_size=500, every_epochs=3.0),
        checkpoint=cfg.checkpoints(every_epochs=0.25),
        mesh=cfg.mesh(reduce="float32"),  # on a CPU: 9% less processor time (cpu_step.py)
        log=cfg.logs(every_steps=50),
    )
