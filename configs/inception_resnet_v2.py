r"""Inception-ResNet-v2 on ImageNet-1k: arXiv:1602.07261, sections 4 and 5.

    inception-jax train --config=configs/inception_resnet_v2.py --workdir=runs/irv2

The network is its authors' code's; `:dialect=paper` is the one that the paper draws.

Paper (Table 2, one crop, 48,238 images): 19.9% top-1, 4.9% top-5 error.   TF-slim: 80.4% top-1,
95.3% top-5.

Time: hours by `plan`, without evaluations (more in configs/README.md):
    :replicas=16       16 TPU v5e 4.5 to 4.6, 8 H100 1.7 to 2.8
"""

from inception_jax import config as cfg


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, dialect="slim", replicas=20, dtype="bfloat16")
    return cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=299,  # Figures 3 and 15
            batch_size=32 * a.replicas,  # section 4: 20 replicas; 32 images are the code's
            crop="tensorflow",  # the released code's sampling, as the next four lines
            area=(0.05, 1.0),
            aspect=(3 / 4, 4 / 3),
            interpolation="random",
            colour="slim",
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "inception_resnet_v2",
            dialect=a.dialect,
            num_classes=1000,
            dropout=0.2,  # Figure 15 keeps 0.8
            bn_group=32,  # one replica
            bn_decay=0.9997,  # TF-slim; not in the paper
            dtype=a.dtype,  # not in the paper
        ),
        loss=cfg.loss(
            label_smoothing=0.1,  # the code's; not in the paper
            aux_weight=0.4,  # TF-slim; Figure 15 has no auxiliary head
            l2=4e-5,  # TF-slim; not in the paper
        ),
        optim=cfg.rmsprop(
            # Section 4: RMSProp 0.9 with epsilon 1.0, rate 0.045, x0.94 every two epochs. Momentum
            # 0.9 is the released code's.
            schedule=cfg.staircase(lr=0.045, decay_rate=0.94, every_epochs=2.0),
            decay=0.9,
            momentum=0.9,
            eps=1.0,
            clip=2.0,  # 1512.00567's threshold; not in this paper
        ),
        ema=dict(decay=0.9999),  # section 4, "a running average"; the decay is the code's
        train=cfg.train(epochs=100.0),  # 1512.00567's; not in this paper
        eval=cfg.evaluation(split="validation", batch_size=500, every_epochs=5.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )
