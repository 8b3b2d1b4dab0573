r"""Xception on ImageNet-1k: arXiv:1610.02357, section 4.

    inception-jax train --config=configs/xception.py --workdir=runs/xception

Paper (Table 1, one crop): 79.0% top-1, 94.5% top-5.   Keras: 79.0% top-1, 94.5% top-5.

Time: hours by `plan`, without evaluations (more in configs/README.md):
    no argument        16 TPU v5e 2.5 to 4.1, 8 H100 2.1 to 3.5
"""

from inception_jax import config as cfg


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, replicas=64, dtype="bfloat16")
    return cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=299,  # Figure 5
            # Section 4.4: 60 GPUs, synchronously. The images of each are not in the paper: 32, as
            # Inception-v3's; 64 of them because 60 do not split over 8 or 16 devices.
            batch_size=32 * a.replicas,
            crop="tensorflow",  # Inception-v3's code's, as the next four lines; not in the paper
            area=(0.05, 1.0),
            aspect=(3 / 4, 4 / 3),
            interpolation="random",
            colour="slim",
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "xception",
            dialect="keras",
            num_classes=1000,
            dropout=0.5,  # section 4.3
            bn_group=32,  # one GPU; not in the paper
            bn_decay=0.99,  # Keras; not in the paper
            dtype=a.dtype,  # not in the paper
        ),
        loss=cfg.loss(
            label_smoothing=0.0,  # not in the paper
            aux_weight=0.0,  # section 4.3: no auxiliary loss
            l2=1e-5,  # section 4.3
        ),
        optim=cfg.sgd(
            # Section 4.2: momentum 0.9, rate 0.045, x0.94 every two epochs.
            schedule=cfg.staircase(lr=0.045, decay_rate=0.94, every_epochs=2.0),
            momentum=0.9,
        ),
        ema=dict(decay=0.9999),  # section 4.2, "Polyak averaging"; the decay is not in the paper
        train=cfg.train(epochs=100.0),  # not in the paper: Inception-v3's
        eval=cfg.evaluation(split="validation", batch_size=500, every_epochs=5.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )
