r"""Inception-v3 on ImageNet-1k: arXiv:1512.00567, sections 6 to 8.

    inception-jax train --config=configs/inception_v3.py --workdir=runs/v3
    inception-jax train --config=configs/inception_v3.py:smoothing=0.0 --workdir=...   # an ablation
    inception-jax train --config=configs/inception_v3.py:tpu --workdir=runs/v3_tpu

`:tpu` is the recipe of tensorflow/tpu, models/experimental/inception/inception_v3.py, with its
learning rate's warm-up. `replicas=N` is for N times 32 images a step, 128 with `tpu`.

Paper (Table 3, one crop, 48,238 images): 21.2% top-1, 5.6% top-5 error.
TF-slim: 78.0% top-1, 93.9% top-5.
`:tpu`: "greater than 78.1%" top-1 in about 170 epochs (Cloud TPU, Advanced guide to Inception v3).

Time: hours by `plan`, without evaluations (more in configs/README.md):
    :replicas=48       16 TPU v5e 1.6 to 1.8, 8 H100 0.6 to 0.9
    :tpu,replicas=16   16 TPU v5e 2.0 to 2.4, 8 H100 0.9 to 1.5
"""

from inception_jax import config as cfg


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, tpu=False, smoothing=0.1, aux=True, replicas=0, dtype="bfloat16")
    c = cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=299,  # section 6
            batch_size=32 * (a.replicas or 50),  # section 8: 50 replicas x 32 images
            crop="tensorflow",  # the released code's sampling, as the next four lines
            area=(0.05, 1.0),  # the papers say 8%, evenly distributed
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
            bn_group=32,  # section 8: one replica
            bn_decay=0.9997,  # TF-slim; not in the paper
            dtype=a.dtype,  # not in the paper
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
        ema=dict(decay=0.9999),  # section 8, "a running average"; the decay is the code's
        train=cfg.train(epochs=100.0),  # section 8
        eval=cfg.evaluation(split="validation", batch_size=500, every_epochs=5.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )
    return tensorflow_tpu(c, shards=a.replicas or 8) if a.tpu else c


def tensorflow_tpu(c: cfg.Config, shards: int) -> cfg.Config:
    """The paper's recipe with what differs in inception_v3.py of tensorflow/tpu: its flags."""
    # train_batch_size 1024 over num_shards 8; BatchNorm is over the images of a shard.
    c.data.batch_size, c.model.bn_group = 128 * shards, 128
    # inception_preprocessing.py: fast_mode, on by default, resizes bilinearly. What else it does by
    # default, to shift brightness and chroma, is not here: brightness and saturation instead.
    c.data.colour, c.data.interpolation = "fast", "bilinear"
    c.model.bn_decay = 0.996  # BATCH_NORM_DECAY
    base = 0.94 ** (9 / 3)
    schedule = cfg.staircase(
        lr=0.165 * c.data.batch_size / 256,  # learning_rate
        decay_rate=0.94,  # learning_rate_decay, every learning_rate_decay_epochs
        every_epochs=3.0,
        floor=1e-4,  # final_learning_rate
        # use_learning_rate_warmup, off by default there: cold_epochs 2 at a tenth of `base`,
        # the rate after cold_epochs + warmup_epochs = 9 of x0.94 every 3. Then it rises by the
        # epoch, as it would from 0.1 to 1 in warmup_epochs + learning_rate_decay_epochs - 1
        # = 9, but for 10.
        lr_every="epoch",
        cold_epochs=2.0,
        warmup_epochs=10.0,
        warmup_start=0.1 * base,
        warmup_end=1.1 * base,
    )
    c.update(optim=schedule)
    c.optim.clip = 0.0  # it does not clip
    c.ema.decay = 0.995  # MOVING_AVERAGE_DECAY
    c.train.epochs = 170.0  # train_steps 213,000 of 1,024 images
    return c
