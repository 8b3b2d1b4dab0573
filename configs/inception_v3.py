r"""Inception-v3 on ImageNet-1k: arXiv:1512.00567, sections 6 to 8.

    inception-jax train --config=configs/inception_v3.py --workdir=runs/v3
    inception-jax train --config=configs/inception_v3.py:smoothing=0.0 --workdir=...   # an ablation

Paper (Table 3, one crop, 48,238 images): 21.2% top-1, 5.6% top-5 error.   TF-slim: 78.0% top-1.
Time: not measured here (no accelerator).
"""

from inception_jax import config as cfg


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, smoothing=0.1, aux=True, replicas=50, dtype="bfloat16")
    return cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=299,
            batch_size=a.replicas * 32,  # section 8: 50 replicas x 32 images
            crop="tensorflow",  # the released code's sampling, with
            area=(0.05, 1.0),  # its areas; the papers say 8%, evenly distributed
            aspect=(3 / 4, 4 / 3),
            interpolation="random",
            colour="slim",
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "inception_v3",
            dialect="slim",
            num_classes=1000,
            aux=a.aux,
            dropout=0.2,  # TF-slim keeps 0.8
            bn_group=32,  # one replica
            bn_decay=0.9997,  # TF-slim; not in the paper
            dtype=a.dtype,
        ),
        loss=cfg.loss(
            label_smoothing=a.smoothing,  # section 7: 0.1
            aux_weight=0.4,  # TF-slim; not in the paper
            l2=4e-5,  # TF-slim; not in the paper
        ),
        optim=cfg.rmsprop(
            # Section 8: RMSProp 0.9 with epsilon 1.0, rate 0.045, x0.94 every two epochs, clip 2.0.
            # Momentum 0.9 is the released code's.
            schedule=cfg.staircase(lr=0.045, decay_rate=0.94, every_epochs=2.0),
            decay=0.9,
            momentum=0.9,
            eps=1.0,
            clip=2.0,
        ),
        ema=dict(decay=0.9999),  # "a running average of the parameters"; the decay is the code's
        train=cfg.train(epochs=100.0),
        eval=cfg.evaluation(split="validation", batch_size=500, every_epochs=5.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )
