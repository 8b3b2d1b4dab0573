"""Tests of inception_jax.config.of_task: what has no meaning with a task is refused."""

import pytest

from inception_jax import config as cfg
from inception_jax.config import tasks
from inception_jax.config.sections import Data, Loss
from inception_jax.errors import ConfigError
from tests.tiny import digits

VALUES = {"data__task": "regression", "loss__name": "huber", "loss__label_smoothing": 0.0,
          "data__classes": 1, "model__num_classes": 1}  # fmt: skip
LABELS = {"data__task": "multilabel", "loss__name": "binary_cross_entropy",
          "loss__label_smoothing": 0.0}  # fmt: skip

CLOSE = {"data__task": "embedding", "loss__name": "triplet", "loss__label_smoothing": 0.0,
         "data__images_per_class": 4, "model__num_classes": 0}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss__name": "huber"}, "loss.name=huber .*task=classification: expected one of cross_e"),
        (VALUES | {"loss__name": "cross_entropy"}, "expected one of squared_error, huber, absolut"),
        (VALUES | {"loss__label_smoothing": 0.1}, "loss.label_smoothing=0.1 .*expected 0"),
        (VALUES | {"augment__mixup": 0.2}, "augment.mixup=0.2 .*the value of two mixed images"),
        (VALUES | {"augment__cutmix": 1.0}, "augment.cutmix=1.0 .*the value of two mixed images"),
        (VALUES | {"loss__teacher": "runs/a"}, "loss.teacher=runs/a .*expected no teacher"),
        (VALUES | {"loss__class_weights": "balanced"}, "class_weights=balanced .*expected none"),
        (VALUES | {"model__num_classes": 2}, "num_classes=2 .*an output for each"),
        (LABELS | {"data__balance": 1.0}, "data.balance=1.0 .*expected 0"),
        (LABELS | {"loss__name": "cross_entropy"}, "losses of this task"),
        (LABELS | {"model__num_classes": 11}, "num_classes=11 .*an output for each"),
        (CLOSE | {"data__images_per_class": 1}, "images_per_class=1 .*at least 2"),
        (CLOSE | {"model__num_classes": 10}, "num_classes=10 .*none for triplets"),
        (CLOSE | {"augment__mixup": 0.2}, "augment.mixup=0.2 .*a mixed image is of no class"),
        (CLOSE | {"mesh__reduce": "float32"}, "mesh.reduce=float32 .*of the whole batch"),
        (LABELS | {"data__images_per_class": 4}, "images_per_class=4 .*not of one class"),
        ({"data__classes": 1, "model__num_classes": 1}, "expected at least 2 classes"),
        ({"data__label_columns": ()}, "names of columns|name of one column"),
    ],
)
def test_what_has_no_meaning_is_refused(changes, message):
    """The message names the key, the task, and what to change."""
    with pytest.raises(ConfigError, match=message):
        cfg.validate(digits(**changes))


@pytest.mark.parametrize("changes", [VALUES, LABELS, CLOSE, LABELS | {"augment__mixup": 0.2}])
def test_what_has_a_meaning_is_not(changes):
    """Values and labels train; labels may be mixed."""
    cfg.validate(digits(**changes))


def test_every_task_and_loss_is_in_the_table():
    """The config's words are those of the table, and every shown metric has a name."""
    hints = {c: c.__annotations__ for c in (Data, Loss)}
    assert set(tasks.TASKS) == set(hints[Data]["task"].__args__)
    known = {name for task in tasks.TASKS.values() for name in task.losses}
    assert known == set(hints[Loss]["name"].__args__)
    assert all(key in tasks.METRICS for task in tasks.TASKS.values() for key in task.headline)
    assert all(tasks.METRICS[task.score].higher for task in tasks.TASKS.values())
