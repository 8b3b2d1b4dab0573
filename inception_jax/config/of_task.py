"""Rules about `data.task`: what has no meaning with one is refused."""

from inception_jax.config import tasks
from inception_jax.config.sections import Config
from inception_jax.errors import ConfigError


def check(c: Config) -> None:
    """Refuse a loss of another task, and what the targets cannot have.

    Raises:
        ConfigError: names the key, the task, and what to change.
    """
    for broken, key, expected in (*_rules(c), *_of_embedding(c)):
        if broken:
            raise ConfigError(
                f"--config.{key} with --config.data.task={c.data.task}: expected {expected}"
            )


def _rules(c: Config) -> tuple[tuple[bool, str, str], ...]:
    """(Whether the rule is broken, the key with its value, what is expected)."""
    d, loss, a, task = c.data, c.loss, c.augment, tasks.of(c.data)
    classes, embedding = d.task == "classification", d.task == "embedding"
    return (
        (
            loss.name not in task.losses,
            f"loss.name={loss.name}",
            f"one of {', '.join(task.losses)}, the losses of this task",
        ),
        (
            (classes or embedding) and len(d.label_columns) != 1,
            f"data.label_columns={d.label_columns}",
            "the name of one column",
        ),
        (not d.label_columns, "data.label_columns=()", "names of columns"),
        (
            classes and 1 in (d.classes, c.model.num_classes),
            f"data.classes={d.classes}",
            "at least 2 classes",
        ),
        (
            not classes and loss.label_smoothing > 0,
            f"loss.label_smoothing={loss.label_smoothing}",
            "0, as targets are not one class of many",
        ),
        (
            not classes and loss.teacher != "",
            f"loss.teacher={loss.teacher}",
            "no teacher, whose softmax is distilled; set --config.loss.teacher=",
        ),
        (
            task.vector and loss.class_weights != "none",
            f"loss.class_weights={loss.class_weights}",
            "none, as an image is not of one class",
        ),
        (
            task.vector and d.balance > 0,
            f"data.balance={d.balance}",
            "0, as an image is not of one class",
        ),
        (
            d.task == "regression" and (a.mixup > 0 or a.cutmix > 0),
            f"augment.{'mixup' if a.mixup else 'cutmix'}={a.mixup or a.cutmix}",
            "0: the value of two mixed images is not known",
        ),
        (
            d.images_per_class > 0 and task.vector,
            f"data.images_per_class={d.images_per_class}",
            "0, as an image is not of one class",
        ),
        (
            not classes and c.model.num_classes not in (-1, tasks.outputs(c)),
            f"model.num_classes={c.model.num_classes}",
            f"auto, or {tasks.outputs(c)}: an output for each, or none for triplets",
        ),
    )


def _of_embedding(c: Config) -> tuple[tuple[bool, str, str], ...]:
    """As `_rules`, of embeddings."""
    d, a = c.data, c.augment
    embedding, triplet = d.task == "embedding", c.loss.name == "triplet"
    return (
        (
            embedding and (a.mixup > 0 or a.cutmix > 0),
            f"augment.{'mixup' if a.mixup else 'cutmix'}={a.mixup or a.cutmix}",
            "0: a mixed image is of no class",
        ),
        (
            triplet and d.images_per_class < 2,
            f"data.images_per_class={d.images_per_class}",
            "at least 2, so that a triplet has a positive; usual are 4",
        ),
        (
            triplet and (c.optim.accumulate > 1 or c.mesh.reduce != "auto"),
            f"optim.accumulate={c.optim.accumulate} and mesh.reduce={c.mesh.reduce}",
            "1 and auto, as triplets are of the whole batch",
        ),
    )
