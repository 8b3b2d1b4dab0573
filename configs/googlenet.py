r"""GoogLeNet on ImageNet-1k: arXiv:1409.4842, sections 5 and 6.

    inception-jax train --config=configs/googlenet.py --workdir=runs/googlenet

`:dialect=batchnorm` is the BN-GoogLeNet of 1512.00567; `:naive` stacks the modules of Figure 2(a),
which the paper draws but does not train.

Paper (Table 3, one model, one crop): 10.07% top-5 error.   TF-slim: 69.8% top-1, 89.6% top-5.
1512.00567 (Table 3): 29% top-1, 9.2% top-5 error; with BatchNorm 26.8% top-1.

Time: hours by `plan`, without evaluations (more in configs/README.md):
    no argument        16 TPU v5e 3.3 to 3.4, 8 H100 0.8 to 1.4
"""

from inception_jax import config as cfg


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, dialect="paper", naive=False, dtype="bfloat16")
    return cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=224,  # section 5
            batch_size=256,  # not in the paper
            area=(0.08, 1.0),  # section 6, as the next two lines
            aspect=(3 / 4, 4 / 3),
            interpolation="random",
            colour="original",  # section 6: photometric distortions; these are the later code's
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "googlenet_naive" if a.naive else "googlenet",
            dialect=a.dialect,
            num_classes=1000,
            dropout=0.4,  # Table 1
            bn_group=32 if a.dialect != "paper" else 0,  # the paper's network has no BatchNorm
            bn_decay=0.9997,  # not in the paper; TF-slim's
            dtype=a.dtype,  # not in the paper
        ),
        loss=cfg.loss(
            label_smoothing=0.0,
            aux_weight=0.3,  # section 5, each of the two heads
            l2=2e-4,  # BVLC/caffe, models/bvlc_googlenet; not in the paper
        ),
        optim=cfg.sgd(
            # Section 6: momentum 0.9, x0.96 every 8 epochs. The initial rate is not in the paper;
            # 0.01 is bvlc_googlenet's for 32 images a step, scaled by the root of 256 / 32.
            schedule=cfg.staircase(lr=0.028, decay_rate=0.96, every_epochs=8.0),
            momentum=0.9,
        ),
        ema=dict(decay=0.9999),  # section 6, "Polyak averaging"; the decay is not in the paper
        train=cfg.train(epochs=250.0),  # bvlc_googlenet's readme.md; not in the paper
        eval=cfg.evaluation(split="validation", batch_size=500, every_epochs=5.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )
