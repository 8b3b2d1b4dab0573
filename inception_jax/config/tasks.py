"""What a task is: the loss, the outputs' meaning and the metrics that `data.task` chooses.

Training, evaluation, `predict`, `export`, early stops, sweeps and the report follow this table. Of
every task's score, by which the best checkpoint or trial is chosen, a higher one is better.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from inception_jax.config.sections import Config, Data, Loss

PROPORTION, SHARE, NUMBER = "proportion", "share", "number"


class Metric(NamedTuple):
    """How a metric is shown.

    Attributes:
        title: its name in text.
        kind: a proportion of the images, which has an interval; another share; or a number.
        higher: whether a higher value is better.
    """

    title: str
    kind: str
    higher: bool = True

    def text(self, value: float) -> str:
        """A value, in percent if it is a share."""
        return f"{value:.4g}" if self.kind == NUMBER else f"{value:.2%}"


METRICS = {
    "top1": Metric("top-1", PROPORTION),
    "top5": Metric("top-5", PROPORTION),
    "map": Metric("mAP", SHARE),
    "auroc": Metric("AUROC", SHARE),
    "f1": Metric("F1", SHARE),
    "f1_micro": Metric("micro F1", SHARE),
    "r2": Metric("R2", NUMBER),
    "rmse": Metric("RMSE", NUMBER, higher=False),
    "mae": Metric("MAE", NUMBER, higher=False),
    "recall1": Metric("recall@1", PROPORTION),
    "recall5": Metric("recall@5", PROPORTION),
    "recall10": Metric("recall@10", PROPORTION),
    "verification": Metric("verification", SHARE),
    "loss": Metric("loss", NUMBER, higher=False),
}


class Task(NamedTuple):
    """A task.

    Attributes:
        losses: values of loss.name that fit it.
        activation: what makes predictions of the outputs: `softmax`, `sigmoid`, `identity`, or
            `unit`, of features without a classifier: embeddings of length 1.
        vector: whether a target is float32 [outputs]; else it is the class, int32.
        headline: metrics of an evaluation, the score first.
        running: the metric of training steps that the progress line shows.
        targets: what data.classes counts.
    """

    losses: tuple[str, ...]
    activation: str
    vector: bool
    headline: tuple[str, ...]
    running: str
    targets: str = "classes"

    @property
    def score(self) -> str:
        """The metric by which the best is chosen."""
        return self.headline[0]


TASKS = {
    "classification": Task(
        losses=("cross_entropy", "binary_cross_entropy"),
        activation="softmax",
        vector=False,
        headline=("top1", "top5"),
        running="top1",
    ),
    "multilabel": Task(
        losses=("binary_cross_entropy",),
        activation="sigmoid",
        vector=True,
        headline=("map", "auroc", "f1", "f1_micro"),
        running="accuracy",
    ),
    "regression": Task(
        losses=("squared_error", "huber", "absolute_error"),
        activation="identity",
        vector=True,
        headline=("r2", "rmse", "mae"),
        running="r2",
        targets="targets",
    ),
    "embedding": Task(
        losses=("triplet", "cosface", "arcface"),
        activation="unit",
        vector=False,
        headline=("recall1", "recall5", "recall10", "verification"),
        running="top1",
    ),
}


def of(data: "Data") -> Task:
    """The task of a config's `data` section."""
    return TASKS[data.task]


def outputs(c: "Config") -> int:
    """The network's outputs for data.classes, where the config does not give them.

    Triplets need no classifier.
    """
    return 0 if c.loss.name == "triplet" else c.data.classes


def headline(task: Task, numbers: Mapping[str, float | None]) -> str:
    """The metrics of an evaluation as text: `top1 94.07%, top5 99.80%, loss 0.231`."""
    found = {k: METRICS[k].text(v) for k in task.headline if (v := numbers.get(k)) is not None}
    if (loss := numbers.get("loss")) is not None:
        found["loss"] = f"{loss:.3f}"
    return ", ".join(f"{key} {text}" for key, text in found.items())


def weighted(loss: "Loss") -> bool:
    """Whether examples weigh differently in the loss."""
    return loss.class_weights != "none" or loss.example_weights
