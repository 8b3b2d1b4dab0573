"""Sources whose images have several targets, float64 [n, t] in their attribute `targets`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inception_jax.data.images.picture import Stored
from inception_jax.data.sources.source import Source, labels_of, left_out_of
from inception_jax.errors import ConfigError, shown
from inception_jax.workdir import target_scale


def targets_of(source: Source) -> np.ndarray | None:
    """The targets of all images; None where each image has a class."""
    return getattr(source, "targets", None)


def empty_labels(source: Source, count: int) -> np.ndarray:
    """Room for the labels of `count` images: int32 [n], or float32 [n, t] of targets."""
    targets = targets_of(source)
    if targets is None:
        return np.empty(count, np.int32)
    return np.empty((count, targets.shape[1]), np.float32)


class WithTargets:
    """The images of another source with `targets`, whose names are the `classes`."""

    def __init__(self, source: Source, targets: np.ndarray, classes: Sequence[str]):
        self._source, self.targets, self.classes = source, targets, tuple(classes)
        self.left_out, self.weights = left_out_of(source), getattr(source, "weights", None)
        self.file = getattr(source, "file", source.name)
        self.stamp = getattr(source, "stamp", lambda index: "")

    def __reduce__(self) -> Any:
        return WithTargets, (self._source, self.targets, self.classes)

    def __len__(self) -> int:
        return len(self._source)

    def label(self, index: int) -> np.ndarray:
        """Targets [t] of image `index`."""
        return self.targets[index]

    def stored(self, index: int) -> Stored:
        """The image as the other source has it."""
        return self._source.stored(index)

    def name(self, index: int) -> str:
        """The image's name in the other source."""
        return self._source.name(index)


def of_classes(source: Source, task: str) -> Source:
    """A source with classes as one of the task `multilabel` or `regression`.

    An image's only label is its class, or its value the number that is the name of its class.

    Raises:
        ConfigError: a class of a regression is not named by a number.
    """
    labels = labels_of(source)
    if task == "multilabel":
        return WithTargets(source, np.eye(len(source.classes))[labels], source.classes)
    try:
        values = np.array([float(name) for name in source.classes])
    except ValueError as e:
        raise ConfigError(
            f"--config.data.task=regression: expected values in data.labels=FILE, or classes named "
            f"by numbers, found {shown(source.classes[0])!r}"
        ) from e
    return WithTargets(source, values[labels][:, None], ("value",))


def standardised(source: Source) -> tuple[Source, target_scale.TargetScale]:
    """A source whose targets have mean 0 and deviation 1, and their scale."""
    targets = targets_of(source)
    assert targets is not None
    scale = target_scale.of(targets)
    return WithTargets(source, scale.standardised(targets), source.classes), scale
