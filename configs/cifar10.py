r"""A GoogLeNet with BatchNorm for small images on CIFAR-10, from a folder of PNG files.

    inception-jax train --config=configs/cifar10.py --config.data.dir=DIR --workdir=runs/cifar10
    inception-jax train --config=configs/cifar10.py:on=gpu --config.data.dir=DIR --workdir=runs/gpu

No paper; the parts are those of KellerJordan/cifar10-airbench, each switched by a key: whitened
stem, alternating flips, shifts of two pixels, Muon, a triangular schedule, smoothing 0.2, averaged
weights, shifted and mirrored views at evaluation; network, rates and decay are ours. DIR holds
train/<class>/*.png (50,000) and test/<class>/*.png (10,000). A CPU with two cores has two devices
with XLA_FLAGS=--xla_force_host_platform_device_count=2 before the command.
Time: 40 minutes on two cores, to 94.07% test top-1 in one run. experiments/cifar10/README.md says
where to get the images and what was tried. on=gpu has not been run.
"""

from typing import Any

from inception_jax import config as cfg

# Few and wide modules keep two cores busier than nine narrow ones (experiments/cifar10/README.md).
WITHOUT = ("inception_3a", "inception_4a", "inception_4b", "inception_4c", "inception_4d",
           "inception_5a")  # fmt: skip
FORMS: dict[str, Any] = dict(
    cpu=dict(epochs=9.5, width=0.75, lr=0.05, batch=256, dtype="float32"),
    # Four times the batch, and a rate by its square root.
    gpu=dict(epochs=10.0, width=0.75, lr=0.1, batch=1024, dtype="bfloat16"),
)


def get_config(arg: str = "") -> cfg.ConfigDict:
    form = cfg.parse_arg(arg, on=tuple(FORMS), epochs=0.0, width=0.0, lr=0.0, batch=0)
    a: Any = cfg.ConfigDict(FORMS[form.on] | {k: v for k, v in form.items() if v and k != "on"})
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
        augment=cfg.augment(flips="alternating"),
        model=cfg.model(
            "googlenet",
            dialect="batchnorm",
            num_classes=10,
            width=a.width,
            stem="whitened",
            aux=False,
            drop_rows=WITHOUT,
            dropout=0.0,
            bn_group=a.batch // 2 if form.on == "cpu" else 0,  # of each core
            bn_decay=0.9,
            dtype=a.dtype,
        ),
        loss=cfg.loss(label_smoothing=0.2, aux_weight=0.0, l2=0.0),
        # Up for a fifth of the run, then down in a line.
        optim=cfg.muon(
            schedule=cfg.rate(
                "polynomial",
                lr=a.lr,
                warmup_epochs=0.2 * a.epochs,
                warmup_start=0.2,
                floor=0.01,
            ),
            momentum=0.9,
            weight_decay=0.03,
        ),
        ema=dict(decay=0.99),
        train=cfg.train(epochs=a.epochs),
        eval=cfg.evaluation(split="test", batch_size=500, every_epochs=5.0, protocol="shift"),
        checkpoint=cfg.checkpoints(every_epochs=0.5),
        # On a CPU gradients are added in float32: 9% less processor time (cpu_step.py).
        mesh=cfg.mesh(reduce="float32" if form.on == "cpu" else "auto"),
        log=cfg.logs(every_steps=20),
    )


def sweep_seed():
    for seed in range(5):
        yield {"seed": seed}
