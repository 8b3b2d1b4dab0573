r"""Inception-v2 on ImageNet-1k: arXiv:1512.00567, Table 3 and section 8.

    inception-jax train --config=configs/inception_v2.py --workdir=runs/v2
    inception-jax train --config=configs/inception_v2.py:rmsprop,smoothing=0.1 --workdir=runs/v2ls

Not TF-slim's `inception_v2`, which is bn_inception here. The arguments are the rows of Table 3; the
last step to Inception-v3 is its normalised auxiliary head.

Paper (Table 3, one crop, 48,238 images), top-1 and top-5 error:
    no argument                             23.4%
    :rmsprop                                23.1%, 6.3%
    :rmsprop,smoothing=0.1                  22.8%, 6.1%
    :rmsprop,smoothing=0.1,dialect=paper    21.6%, 5.8%   the 7x7 convolution factorised

Time: hours by `plan`, without evaluations (more in configs/README.md):
    :replicas=48       16 TPU v5e 1.5 to 1.6, 8 H100 0.5 to 0.9
"""

from inception_jax import config as cfg


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(
        arg, rmsprop=False, smoothing=0.0, dialect="table3", replicas=50, dtype="bfloat16"
    )
    # Section 8: rate 0.045, x0.94 every two epochs, clip 2.0.
    schedule = cfg.staircase(lr=0.045, decay_rate=0.94, every_epochs=2.0)
    return cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=299,  # Table 1
            batch_size=a.replicas * 32,  # section 8: 50 replicas x 32 images
            crop="tensorflow",  # the released code's sampling, as the next four lines
            area=(0.05, 1.0),  # the papers say 8%, evenly distributed
            aspect=(3 / 4, 4 / 3),
            interpolation="random",
            colour="slim",
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "inception_v2",
            dialect=a.dialect,
            num_classes=1000,
            dropout=0.2,  # Inception-v3's in TF-slim; not in the paper
            bn_group=32,  # section 8: one replica
            bn_decay=0.9997,  # TF-slim; not in the paper
            dtype=a.dtype,  # not in the paper
        ),
        loss=cfg.loss(
            label_smoothing=a.smoothing,  # section 7: 0.1, from Table 3's third row on
            aux_weight=0.4,  # TF-slim's, of Inception-v3; not in the paper
            l2=4e-5,  # TF-slim; not in the paper
        ),
        optim=(
            # Section 8, "our best models": RMSProp 0.9 with epsilon 1.0; momentum is the code's.
            cfg.rmsprop(schedule=schedule, decay=0.9, momentum=0.9, eps=1.0, clip=2.0)
            if a.rmsprop
            # Section 8, "earlier experiments": momentum 0.9.
            else cfg.sgd(schedule=schedule, momentum=0.9, clip=2.0)
        ),
        ema=dict(decay=0.9999),  # section 8, "a running average"; the decay is the code's
        train=cfg.train(epochs=100.0),  # section 8
        eval=cfg.evaluation(split="validation", batch_size=500, every_epochs=5.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )
