"""Which example trains when, where that is not each once an epoch: by classes.

As the plain order (`order.py`) a pure function of the seed and the position.
"""

import numpy as np

from inception_jax.errors import ConfigError

BALANCED, BY_CLASS = 1, 2  # distinguishes these draws from the plain order's


class Balanced:
    """Epochs in which class c, of n_c images, comes as often as n_c^(1 - power) is of their sum.

    With power 1 all classes come alike, with 0 by their number. The images of a class take turns
    across epochs: none comes again before the others have, in a new order each time.

    Args:
        labels: int [n], the class of each example.
        power: from 0 to 1.
        seed: of the order.
    """

    def __init__(self, labels: np.ndarray, power: float, seed: int):
        self._seed, count = seed, len(labels)
        self._members = members(labels)
        sizes = np.array([len(m) for m in self._members])
        share = sizes ** (1.0 - power) * (sizes > 0)
        self._times = shared_out(share / share.sum(), count)

    def __call__(self, epoch: int) -> np.ndarray:
        """The examples of an epoch, int [n], in order."""
        turns = zip(self._members, self._times.tolist(), strict=True)
        drawn = [self._turn(i, m, epoch * times, times) for i, (m, times) in enumerate(turns)]
        rng = np.random.default_rng([self._seed, epoch, BALANCED])
        return rng.permutation(np.concatenate(drawn))

    def _turn(self, number: int, members: np.ndarray, start: int, times: int) -> np.ndarray:
        """Members from `start` on of the endless order of class `number`, whose lap is all once."""
        if not times:
            return members[:0]
        laps = range(start // len(members), (start + times - 1) // len(members) + 1)
        orders = [np.random.default_rng([self._seed, lap, number, BALANCED]) for lap in laps]
        endless = np.concatenate([rng.permutation(members) for rng in orders])
        skipped = start - laps.start * len(members)
        return endless[skipped : skipped + times]


class ClassBatches:
    """Batches of P classes with K images each (1703.07737, section 2).

    Classes take turns: a lap over all, in a new order each time, leaves out the rest that makes no
    batch. Images of a class are drawn for each batch, again those of a class with fewer than K.

    Raises:
        ConfigError: there are fewer than P classes.
    """

    def __init__(self, labels: np.ndarray, batch_size: int, each: int, seed: int):
        self._members = [m for m in members(labels) if len(m)]
        self._seed, self._size, self._each = seed, batch_size, each
        self._classes = batch_size // each
        if len(self._members) < self._classes:
            raise ConfigError(
                f"--config.data.images_per_class={each} with data.batch_size={batch_size}: "
                f"expected at least {self._classes} classes in training, found "
                f"{len(self._members)}; set a batch size of at most {len(self._members) * each}"
            )

    def __call__(self, batch: int) -> np.ndarray:
        """The examples of a batch, int [batch_size], class by class."""
        lap, turn = divmod(batch, len(self._members) // self._classes)
        order = np.random.default_rng([self._seed, lap, BY_CLASS]).permutation(len(self._members))
        chosen = order[turn * self._classes : (turn + 1) * self._classes]
        rng = np.random.default_rng([self._seed, batch, 0, BY_CLASS])
        drawn = [rng.permutation(self._members[c])[: self._each] for c in chosen]
        return np.concatenate([np.resize(m, self._each) for m in drawn])


def members(labels: np.ndarray) -> list[np.ndarray]:
    """The examples of each class, rising; none for a number that is no label."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1])


def shared_out(share: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in the proportion of `share`, which adds up to 1, that add up to `total`.

    The largest remainders are rounded up.
    """
    exact = share * total
    whole = np.floor(exact + 1e-9).astype(int)
    rest = np.argsort(whole - exact, kind="stable")[: total - whole.sum()]
    whole[rest] += 1
    return whole
