r"""Any task on image files whose labels are in a table: classes, several labels, values, embeddings.

    inception-jax train --config=configs/labels.py --config.data.labels=labels.csv --workdir=runs/labels
    inception-jax train --config=configs/labels.py:task=regression --config.data.labels=labels.csv \
        --config.data.label_columns="('age','weight')" --workdir=runs/values

labels.csv has a header, `path,label,split` and what else there is, and a row for each image, whose
path is relative to the table or to data.dir; inception_jax/data/README.md has the columns of each
task. Classes are counted. `task` is classification, multilabel, regression, triplet, cosface or
arcface; the last three train embeddings. Cross-validation: --config.data.folds=5
--config.eval.split=fold, and --config.data.fold=0 to 4, or `sweep launch --sweep=fold`.

The network is a small GoogLeNet with BatchNorm, for CPUs; model=inception_resnet_v1,dialect=facenet,
image=160,stem=paper has the embedding of 512 that its name is known for.   No paper, so no published
number.   Time: the bar shows it after a few steps.
"""  # noqa: E501

from inception_jax import config as cfg

# By `task`: data.task, loss.name, and images of a class in a batch.
TASKS = {
    "classification": ("classification", "cross_entropy", 0),
    "multilabel": ("multilabel", "binary_cross_entropy", 0),
    "regression": ("regression", "huber", 0),
    "triplet": ("embedding", "triplet", 4),
    "cosface": ("embedding", "cosface", 0),
    "arcface": ("embedding", "arcface", 0),
}
NETWORK = {
    "model": "googlenet", "dialect": "slim", "image": 64, "width": 0.5, "stem": "small",
}  # fmt: skip


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, task=tuple(TASKS), **NETWORK, epochs=20.0, batch=64)
    task, loss, images_per_class = TASKS[a.task]
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="folder",
            labels="labels.csv",
            task=task,
            images_per_class=images_per_class,
            image_size=a.image,
            batch_size=a.batch,
            area=(0.3, 1.0),
        ),
        augment=cfg.augment(),
        model=cfg.model(
            a.model,
            dialect=a.dialect,
            width=a.width,
            stem=a.stem,
            aux=False,
            dropout=0.2 if task != "embedding" else 0.0,
            bn_group=0,
            bn_decay=0.9,
        ),
        loss=cfg.loss(name=loss, label_smoothing=0.0, aux_weight=0.0, l2=4e-5),
        optim=cfg.adamw(
            schedule=cfg.cosine(lr=0.002, warmup_epochs=1.0), weight_decay=0.02, clip=2.0
        ),
        ema=dict(decay=0.99),
        train=cfg.train(epochs=a.epochs),
        eval=cfg.evaluation(split="test", batch_size=64, every_epochs=2.0),
        checkpoint=cfg.checkpoints(every_epochs=2.0, keep_best=1),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=10),
    )


def sweep_seed():
    for seed in range(3):
        yield {"seed": seed}
