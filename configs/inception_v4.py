r"""Inception-v4 on ImageNet-1k: arXiv:1602.07261, sections 4 and 5.

    inception-jax train --config=configs/inception_v4.py --workdir=runs/v4
    inception-jax train --config=configs/inception_v4.py:tpu --workdir=runs/v4_tpu

`:tpu` is the recipe of tensorflow/tpu, models/experimental/inception/inception_v4.py.
`replicas=N` is for N times 32 images a step.

Paper (Table 2, one crop, 48,238 images): 20.0% top-1, 5.0% top-5 error.   TF-slim: 80.2% top-1,
95.2% top-5.   `:tpu`: no number is published with it.

Time: hours by `plan`, without evaluations (more in configs/README.md):
    :replicas=16       16 TPU v5e 3.4 to 3.6, 8 H100 1.2 to 2.1
    :tpu,replicas=16   16 TPU v5e 3.3 to 3.4, 8 H100 1.2 to 2.0
"""

from inception_jax import config as cfg


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, tpu=False, dialect="slim", replicas=0, dtype="bfloat16")
    c = cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=299,  # Figure 9
            batch_size=32 * (a.replicas or 20),  # section 4: 20 replicas; 32 images are the code's
            crop="tensorflow",  # the released code's sampling, as the next four lines
            area=(0.05, 1.0),
            aspect=(3 / 4, 4 / 3),
            interpolation="random",
            colour="slim",
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "inception_v4",
            dialect=a.dialect,
            num_classes=1000,
            dropout=0.2,  # Figure 9 keeps 0.8
            bn_group=32,  # one replica
            bn_decay=0.9997,  # TF-slim; not in the paper
            dtype=a.dtype,  # not in the paper
        ),
        loss=cfg.loss(
            label_smoothing=0.1,  # the code's; not in the paper
            aux_weight=0.4,  # TF-slim; not in the paper
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
    return tensorflow_tpu(c, shards=a.replicas or 8) if a.tpu else c


def tensorflow_tpu(c: cfg.Config, shards: int) -> cfg.Config:
    """The paper's recipe with what differs in inception_v4.py of tensorflow/tpu: its flags."""
    c.data.batch_size = 32 * shards  # train_batch_size 256 over num_shards 8
    # inception_preprocessing.py shifts brightness and chroma by default, which is not here:
    # brightness and saturation instead. Nor are the annotated boxes of use_annotated_bbox.
    c.data.colour = "fast"
    c.model.bn_decay = 0.995  # BATCH_NORM_DECAY
    # learning_rate 0.15, raised so that x0.94 has brought it down to that after the cold and the
    # warm-up epochs.
    lr = 0.15 * c.data.batch_size / 256 / 0.94 ** (3 / 2)
    schedule = cfg.staircase(
        lr=lr,
        decay_rate=0.94,  # learning_rate_decay, every learning_rate_decay_epochs
        every_epochs=2.0,
        floor=1e-4,  # final_learning_rate
        # cold_epochs 1 at cold_learning_rate 0.001, then warmup_epochs 2 at a third and two
        # thirds; here the first of the two is half of 0.001 above the third.
        lr_every="epoch",
        cold_epochs=1.0,
        warmup_epochs=2.0,
        warmup_start=0.001 / lr,
        warmup_end=2 / 3,
    )
    c.update(optim=schedule)
    c.optim.clip = 0.0  # it does not clip
    c.ema.decay = 0.995  # MOVING_AVERAGE_DECAY
    # train_steps 80,000, its default, are 16 epochs, after which the rate is still 0.6 of the
    # first: the paper's page's epochs stay.
    return c
