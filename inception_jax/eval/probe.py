"""How good features are: a linear probe, nearest neighbours, and few examples a class.

Features are scaled by one number, so that their mean square norm is 1 and strengths of
regularisation mean the same for each row of each network.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from inception_jax.errors import ConfigError
from inception_jax.eval.interval import student_t, wilson

# Inverse strengths of L2, of which a held-out part of training chooses (arXiv:1805.08974,
# appendix A.4, with fewer values).
STRENGTHS = tuple(10 ** (i / 2) for i in range(-1, 6))
FEW = 10.0  # of few examples, which leave none to choose by
NEIGHBOURS = (1, 5, 10, 20, 50)
TEMPERATURE = 0.07  # of the neighbours' votes (arXiv:1805.01978, section 3.4)
HELD_OUT = 5  # every fifth example of a class is held out
DRAWS = 5  # of few examples


class FeatureSplit(NamedTuple):
    """Features float32 [n, c] and labels int [n] of the readable images of a split."""

    x: np.ndarray
    label: np.ndarray

    def at(self, index: np.ndarray) -> "FeatureSplit":
        """Some of the images."""
        return FeatureSplit(self.x[index], self.label[index])


class ProbeResult(NamedTuple):
    """Top-1 on the evaluated split.

    Attributes:
        kind: `linear`, `knn`, or `fewshot`.
        chosen: the strength 1 / L2, the number of neighbours, or of examples a class.
        top1: of the split; of few examples the mean over draws.
        low: end of the 95% interval: Wilson's, or of the mean over draws.
        high: the other end.
    """

    kind: str
    chosen: float
    top1: float
    low: float
    high: float


def readable(features: np.ndarray, labels: np.ndarray) -> FeatureSplit:
    """The split of features [n, 1, c] of a `FeatureCache`, without the images that have NaN."""
    x = np.asarray(features[:, 0], np.float32)
    found = np.isfinite(x[:, 0])
    return FeatureSplit(x[found], labels[found])


def probe(
    train: FeatureSplit, test: FeatureSplit, shots: Sequence[int] = (1, 5, 10), seed: int = 0
) -> Iterator[ProbeResult]:
    """The probes' results, as they come; `seed` chooses what is held out and few examples.

    Raises:
        ConfigError: scikit-learn is missing, or a class has too few images.
    """
    scale = np.sqrt(np.square(train.x).sum(axis=1).mean())
    train, test = train._replace(x=train.x / scale), test._replace(x=test.x / scale)
    order = np.random.default_rng(seed).permutation(len(train.label))
    held = np.isin(np.arange(len(order)), _every(train.label, order, HELD_OUT))
    fit, check = train.at(~held), train.at(held)
    strength = _best(STRENGTHS, lambda c: _hits(_linear(fit, c), check).mean())
    yield _of_split("linear", strength, _hits(_linear(train, strength), test))
    k = _best(NEIGHBOURS, lambda k: (_neighbours(fit, check.x, k) == check.label).mean())
    yield _of_split("knn", k, _neighbours(train, test.x, k) == test.label)
    counts = np.bincount(train.label)
    for count in shots:
        if (least := counts[counts > 0].min()) < count:
            raise ConfigError(
                f"--shots={count}: expected at most {least}, the images of the smallest class"
            )
        draws = [
            _hits(_linear(train.at(_few(train.label, count, seed + i)), FEW), test).mean()
            for i in range(DRAWS)
        ]
        mean = float(np.mean(draws))
        half = student_t(DRAWS - 1) * float(np.std(draws, ddof=1)) / np.sqrt(DRAWS)
        yield ProbeResult("fewshot", count, mean, max(0.0, mean - half), min(1.0, mean + half))


def _best(values: Sequence[Any], score: Callable[[Any], float]) -> Any:
    """The value with the best score; the search ends after two that are worse in a row.

    So the weakest regularisation, whose solver takes longest, is rarely tried.
    """
    scores: list[float] = []
    for value in values:
        scores.append(float(score(value)))
        if max(scores) > max(scores[-2:]):
            break
    return values[int(np.argmax(scores))]


def _of_split(kind: str, chosen: float, hits: np.ndarray) -> ProbeResult:
    top1 = float(hits.mean())
    return ProbeResult(kind, chosen, top1, *wilson(top1, len(hits)))


def _linear(train: FeatureSplit, strength: float) -> Any:
    """Multinomial logistic regression with L2."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as e:
        raise ConfigError("probe needs scikit-learn: pip install 'inception-jax[probe]'") from e
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the weakest strengths
        return LogisticRegression(C=strength, max_iter=300).fit(train.x, train.label)


def _hits(classifier: Any, split: FeatureSplit) -> np.ndarray:
    return classifier.predict(split.x) == split.label


def _neighbours(train: FeatureSplit, x: np.ndarray, k: int) -> np.ndarray:
    """The labels by a vote of the `k` nearest by cosine, weighted by exp(similarity / 0.07)."""
    unit = train.x / np.linalg.norm(train.x, axis=1, keepdims=True).clip(1e-12)
    x = x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)
    k = min(k, len(unit))
    classes, found = int(train.label.max()) + 1, []
    for piece in np.array_split(x, -(-len(x) // 1024)):  # bounds the matrix of similarities
        similar = piece @ unit.T
        near = np.argpartition(-similar, k - 1, axis=1)[:, :k]
        weight = np.exp(np.take_along_axis(similar, near, axis=1) / TEMPERATURE)
        votes = np.zeros((len(piece), classes))
        np.add.at(votes, (np.arange(len(piece))[:, None], train.label[near]), weight)
        found.append(votes.argmax(axis=1))
    return np.concatenate(found)


def _every(labels: np.ndarray, order: np.ndarray, nth: int) -> np.ndarray:
    """One in `nth` images of each class, in the given order."""
    by_class = (order[labels[order] == c] for c in np.unique(labels))
    return np.concatenate([images[nth - 1 :: nth] for images in by_class])


def _few(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` images of each class."""
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.concatenate([order[labels[order] == c][:count] for c in np.unique(labels)])
