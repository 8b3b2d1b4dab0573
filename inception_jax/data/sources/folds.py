"""k folds of the training split: one is held out, as the split `fold`; the others train."""

from typing import Any

import numpy as np

from inception_jax.data.images.picture import Stored
from inception_jax.data.sources.source import Source, labels_of, left_out_of
from inception_jax.data.sources.targets import targets_of
from inception_jax.errors import ConfigError

SPLIT = "fold"  # the name of the part that is held out


class Subset:
    """Some images of another source: `index` int [n]."""

    def __init__(self, source: Source, index: np.ndarray):
        self._source, self._index = source, index
        self.classes, self.left_out = source.classes, left_out_of(source)
        targets, weights = targets_of(source), getattr(source, "weights", None)
        self.targets = None if targets is None else targets[index]
        self.labels = None if targets is not None else labels_of(source)[index]
        self.weights = None if weights is None else weights[index]

    def __reduce__(self) -> Any:
        return Subset, (self._source, self._index)

    def __len__(self) -> int:
        return len(self._index)

    def label(self, index: int) -> Any:
        """The label of the image in the other source."""
        return self._source.label(int(self._index[index]))

    def stored(self, index: int) -> Stored:
        """The image as the other source has it."""
        return self._source.stored(int(self._index[index]))

    def name(self, index: int) -> str:
        """The image's name in the other source."""
        return self._source.name(int(self._index[index]))

    def stamp(self, index: int) -> str:
        """That of the image's file in the other source; empty without any."""
        stamp = getattr(self._source, "stamp", lambda index: "")
        return stamp(int(self._index[index]))

    def file(self, index: int) -> str:
        """The file's name in the other source."""
        return getattr(self._source, "file", self._source.name)(int(self._index[index]))


def part(source: Source, folds: int, fold: int, held_out: bool) -> Subset:
    """The images of a fold, or all others.

    Raises:
        ConfigError: there are fewer images than folds.
    """
    if len(source) < folds:
        raise ConfigError(
            f"--config.data.folds={folds}: expected at most {len(source)}, the training images"
        )
    own = assigned(source, folds) == fold
    return Subset(source, np.flatnonzero(own if held_out else ~own))


def assigned(source: Source, folds: int) -> np.ndarray:
    """The fold of each image, int [n]: the same for ever, and whatever the run's seed.

    Folds differ by at most one image in size, and by at most one in the images of a class (of the
    same labels, with several). Of values each `folds` neighbours go to different folds.
    """
    rng = np.random.default_rng(0)
    targets = targets_of(source)
    strata = labels_of(source) if targets is None else targets
    if strata.ndim == 2 and not _binary(strata):
        order = np.lexsort((rng.random(len(strata)), strata[:, 0]))
        blocks = -(-len(strata) // folds)
        places = np.concatenate([rng.permutation(folds) for _ in range(blocks)])
    else:
        _, group = np.unique(strata, axis=0, return_inverse=True)
        order = np.lexsort((rng.random(len(strata)), group.ravel()))
        places = np.arange(len(strata)) % folds
    result = np.empty(len(strata), int)
    result[order] = places[: len(strata)]
    return result


def _binary(targets: np.ndarray) -> bool:
    return bool(((targets == 0) | (targets == 1)).all())
