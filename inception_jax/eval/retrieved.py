"""The measure of embeddings: recall of the nearest neighbours, and verification of pairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inception_jax.eval.measure import WrongPrediction

RANKS = (1, 5, 10)
PAIRS, FOLDS = 3000, 10  # of each kind, as LFW's 6,000; of the threshold's choice
ROWS = 1024  # images whose neighbours are looked for at a time
COLUMNS = ("images", "recall@1")  # of the table by class


class Retrieved:
    """A `Measure` of embeddings, whose classes need not be those of training.

    An image is found at k if one of its class is among its k nearest others; images without others
    of their class do not count, and a tie counts against. Verification is LFW's protocol: 6,000
    pairs of the split, half of them of one class, and ten folds, each judged by the threshold that
    is best for the other nine.
    """

    def __init__(self, dimensions: int):
        self._dimensions, self.worst = dimensions, list[WrongPrediction]()
        self._index, self._labels, self._embeddings = ([] for _ in range(3))

    @property
    def count(self) -> int:
        """Images added."""
        return sum(map(len, self._index))

    def add(self, index: np.ndarray, label: np.ndarray, outputs: np.ndarray) -> None:
        """Add images [b] by their classes [b] and embeddings [b, d], of any length."""
        length = np.linalg.norm(outputs, axis=1, keepdims=True)
        self._index.append(index)
        self._labels.append(label)
        self._embeddings.append(outputs / np.maximum(length, 1e-12))

    def compute(self) -> dict[str, Any]:
        """count, recall1, recall5, recall10, verification and its deviation over the folds."""
        labels, x = self._split()
        ranks = nearest_of_class(labels, x)
        known = ranks[ranks >= 0]
        found: dict[str, Any] = {"count": len(labels)}
        if len(known):
            found |= {f"recall{k}": float((known < k).mean()) for k in RANKS}
        accuracies = verified(labels, x)
        if len(accuracies):
            mean, std = float(accuracies.mean()), float(accuracies.std(ddof=1))
            found |= {"verification": mean, "verification_std": std}
        return found

    def details(self, names: Sequence[str]) -> dict[str, Any]:
        """The table by class: images, and recall@1 of those that count."""
        labels, x = self._split()
        ranks, rows = nearest_of_class(labels, x), []
        for i in range(len(names)):
            own = ranks[labels == i]
            known = own[own >= 0]
            rows.append([len(own), float((known < 1).mean()) if len(known) else None])
        table = {"title": "By class", "columns": COLUMNS, "names": list(names), "rows": rows}
        return {"table": table}

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Classes and unit embeddings of all images by index, whatever their batches."""
        if not self._index:
            return np.zeros(0, int), np.zeros((0, self._dimensions), np.float32)
        order = np.argsort(np.concatenate(self._index), kind="stable")
        return np.concatenate(self._labels)[order], np.concatenate(self._embeddings)[order]


def nearest_of_class(labels: np.ndarray, x: np.ndarray) -> np.ndarray:
    """How many images of other classes are at least as near as the nearest of each one's class.

    -1 where an image is the only one of its class. `x` float [n, d] has unit rows.
    """
    ranks = np.full(len(labels), -1)
    for at in range(0, len(labels), ROWS):
        rows = np.arange(at, min(at + ROWS, len(labels)))
        near = x[rows] @ x.T
        same = labels[rows, None] == labels[None]
        own = same.copy()
        own[np.arange(len(rows)), rows] = False
        best = np.where(own, near, -np.inf).max(axis=1)
        ahead = (~same & (near >= best[:, None])).sum(axis=1)
        ranks[rows] = np.where(own.any(axis=1), ahead, -1)
    return ranks


def verified(labels: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The accuracy of each fold of the split's pairs; none without pairs of both kinds."""
    one, other, same = pairs(labels)
    if min(same.sum(), (~same).sum()) < FOLDS:
        return np.zeros(0)
    near = np.einsum("nd,nd->n", x[one], x[other])
    folds = np.empty(len(same), int)
    for kind in (same, ~same):
        folds[kind] = np.arange(kind.sum()) % FOLDS
    found = []
    for fold in range(FOLDS):
        held = folds == fold
        least = best_threshold(near[~held], same[~held])
        found.append(((near[held] >= least) == same[held]).mean())
    return np.array(found)


def best_threshold(near: np.ndarray, same: np.ndarray) -> float:
    """The similarity from which on pairs are taken for one class, with most pairs right.

    Halfway between two similarities of pairs; the highest of equally good ones.
    """
    order = np.argsort(-near, kind="stable")
    ranked, right = near[order], np.concatenate([[0], np.cumsum(np.where(same[order], 1, -1))])
    ends = np.concatenate([[np.inf], ranked, [-np.inf]])
    right[1:-1][ranked[:-1] == ranked[1:]] = -len(near)  # between equal ones there is no threshold
    taken = int(right.argmax())
    high, low = ends[taken], ends[taken + 1]
    if not np.isfinite(high + low):
        return float(high if np.isfinite(high) else np.inf)
    return float((high.astype(np.float64) + low) / 2)


def pairs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Up to `PAIRS` pairs of one class, and as many of two: images, images, which are of one.

    A function of the labels alone; no pair comes twice.
    """
    rng, found = np.random.default_rng(0), []
    groups = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    groups = [g for g in groups if len(g) > 1]
    counts = np.array([len(g) * (len(g) - 1) // 2 for g in groups], np.int64)
    matched = set[tuple[int, int]]()
    sizes = np.unique(labels, return_counts=True)[1].astype(np.int64)
    apart = (len(labels) ** 2 - int((sizes**2).sum())) // 2
    want = int(min(PAIRS, counts.sum(), apart))
    while len(matched) < want:
        group = groups[rng.choice(len(groups), p=counts / counts.sum())]
        i, j = rng.choice(group, 2, replace=False).tolist()
        matched.add((min(i, j), max(i, j)))
    others = set[tuple[int, int]]()
    while len(others) < want:
        i, j = rng.integers(len(labels), size=2).tolist()
        if labels[i] != labels[j]:
            others.add((min(i, j), max(i, j)))
    for kind in (matched, others):
        rows = np.array(sorted(kind), int).reshape(-1, 2)
        found.append(rng.permutation(rows))
    same = np.repeat([True, False], [len(matched), len(others)])
    one, other = np.concatenate(found).T
    return one, other, same
