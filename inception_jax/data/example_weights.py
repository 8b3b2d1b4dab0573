"""How much each training example counts in the loss: weights of its class, and its own."""

from collections.abc import Sequence

import numpy as np

from inception_jax.config import sections, tasks
from inception_jax.data.sources.source import Source, labels_of
from inception_jax.errors import ConfigError, did_you_mean


def example_weights(source: Source, loss: sections.Loss) -> np.ndarray | None:
    """The factor on the loss of each example, float32 [n]; None where all are 1.

    Raises:
        ConfigError: the source has no weights of its own, or no class of a name.
    """
    if not tasks.weighted(loss):
        return None
    weights = np.ones(len(source))
    if loss.class_weights != "none":
        labels = labels_of(source)
        by_class = class_weights(loss.class_weights, loss.effective_beta, labels, source.classes)
        weights = by_class[labels]
    if loss.example_weights:
        own = getattr(source, "weights", None)
        if own is None:
            raise ConfigError(
                "--config.loss.example_weights=true: expected a column 'weight' in data.labels; "
                "add one, or set --config.loss.example_weights=false"
            )
        weights = weights * own
    return weights.astype(np.float32)


def class_weights(rule: str, beta: float, labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The weight of each class by `loss.class_weights`, float64 [k].

    `balanced` is n / (k n_c), with which all classes weigh alike and an example 1 on average.
    `effective` is (1 - beta) / (1 - beta^n_c), scaled to add up to k (arXiv:1901.05555, whose beta
    is 0.9 to 0.9999). Otherwise `rule` has the weights by name, `cat=2,dog=0.5`, 1 for the others.

    Raises:
        ConfigError: a name is no class.
    """
    counts = np.bincount(labels, minlength=len(classes))
    some = np.maximum(counts, 1)
    if rule == "balanced":
        return len(labels) / (len(classes) * some)
    if rule == "effective":
        weights = (1 - beta) / (1 - beta**some)
        return weights * len(classes) / weights.sum()
    given = {name: value for name, _, value in (p.rpartition("=") for p in rule.split(","))}
    if unknown := sorted(given.keys() - set(classes)):
        raise ConfigError(
            f"--config.loss.class_weights={rule}: expected names of classes, found {unknown[0]!r}"
            f"{did_you_mean(unknown[0], classes)}"
        )
    return np.array([float(given.get(name, 1)) for name in classes])
