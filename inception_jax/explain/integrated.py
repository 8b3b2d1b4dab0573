"""Integrated gradients (arXiv:1703.01365), with as many gradients as completeness needs."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from inception_jax.explain import program
from inception_jax.explain.program import BATCH, Variables
from inception_jax.models.network import Network

FIRST = 2 * BATCH  # gradients of the first round
LEAST = 1e-6  # a difference of logits below which an error is not divided by it


class Integrated(NamedTuple):
    """Attributions whose sum is the difference of the logits of the image and of the baseline.

    Attributes:
        attributions: float32 [s, s, 3], in units of the logit.
        difference: of the logits.
        error: |sum - difference| / |difference|.
        gradients: how many were computed.
    """

    attributions: np.ndarray
    difference: float
    error: float
    gradients: int


def integrated_gradients(
    model: Network,
    variables: Variables,
    image: ArrayLike,
    class_index: int,
    *,
    baseline: ArrayLike | None = None,
    tolerance: float = 0.01,
    most: int = 256,
    nodes: int | None = None,
) -> Integrated:
    """The gradient's mean on the line from a baseline to the image, times their difference.

    Of an interval of the line the attributions should add up to the difference of the logits at
    its ends, which are known: so each round halves the intervals that miss it most, and all
    gradients are used again (trapezoids). It ends when the sum of all misses the difference by at
    most `tolerance`, or after `most` gradients. The first places are denser towards the baseline,
    where the misses of evenly spaced ones are largest.

    Args:
        model: any network with a classifier, folded or not.
        variables: its variables.
        image: the network's normalised input, [s, s, 3] or [1, s, s, 3].
        class_index: the output to explain.
        baseline: as `image`; None is zeros, the mean image of the network's preprocessing: grey
            where that has mean 127.5, not black.
        tolerance: largest error, as a share of the difference of the logits.
        most: gradients at most, a multiple of `BATCH`.
        nodes: instead, this number of Gauss-Legendre nodes, whatever the error: Captum's default
            rule, which has 50.

    Raises:
        ValueError: no such class, or not a single image.
    """
    x, class_index = (
        np.asarray(program.as_batch(image))[0],
        program.check_class(model, class_index),
    )
    start = np.zeros_like(x) if baseline is None else np.asarray(program.as_batch(baseline))[0]
    line = _Line(model, variables, start, x, class_index)
    if nodes:
        places, weights = np.polynomial.legendre.leggauss(nodes)
        line.add((places + 1) / 2)
        total = line.weighted(weights / 2)
        ends = program.logits(model, variables, np.stack([start, x]))[:, class_index]
        return _result(total * line.delta, float(ends[1]) - float(ends[0]), nodes)
    line.add(np.linspace(0, 1, FIRST) ** 2)
    while len(line.places) < most and line.error() > tolerance:
        line.add(line.middles_of_worst(BATCH))
    return _result(line.weighted(line.trapezoids()) * line.delta, line.difference, len(line.places))


def _result(attributions: np.ndarray, difference: float, gradients: int) -> Integrated:
    error = abs(attributions.sum(dtype=np.float64) - difference) / max(abs(difference), LEAST)
    return Integrated(attributions.astype(np.float32), difference, float(error), gradients)


class _Line:
    """Logits and gradients at places in [0, 1] of the line from `start` to `end`, sorted."""

    def __init__(
        self, model: Network, variables: Variables, start: np.ndarray, end: np.ndarray, index: int
    ):
        self.delta = end - start
        self._start, self._variables, self._index = start, variables, index
        self._run = program.compiled(_gradients, model)
        self.places, self.logits, self.slopes = np.empty(0), np.empty(0), np.empty(0)
        self._gradients: list[np.ndarray] = []

    def add(self, places: np.ndarray) -> None:
        """Compute the logits and gradients at more places."""
        images = self._start + places[:, None, None, None].astype(self.delta.dtype) * self.delta
        for x, n in program.batches(images):
            logits, gradients = self._run(self._variables, x, self._index)
            self.logits = np.append(self.logits, np.asarray(logits, np.float64)[:n])
            self._gradients += list(np.asarray(gradients)[:n])
        slopes = [np.sum(g * self.delta, dtype=np.float64) for g in self._gradients[-len(places) :]]
        self.places, self.slopes = np.append(self.places, places), np.append(self.slopes, slopes)
        order = np.argsort(self.places, kind="stable")
        self.places, self.logits, self.slopes = (
            v[order] for v in (self.places, self.logits, self.slopes)
        )
        self._gradients = [self._gradients[i] for i in order]

    @property
    def difference(self) -> float:
        """Of the logits at the ends."""
        return float(self.logits[-1] - self.logits[0])

    def misses(self) -> np.ndarray:
        """By how much each interval's trapezoid misses the difference of its logits."""
        areas = np.diff(self.places) * (self.slopes[1:] + self.slopes[:-1]) / 2
        return areas - np.diff(self.logits)

    def error(self) -> float:
        """The error of all trapezoids, as a share of the difference."""
        return abs(self.misses().sum()) / max(abs(self.difference), LEAST)

    def middles_of_worst(self, count: int) -> np.ndarray:
        """The middles of the intervals that miss most."""
        worst = np.argsort(-np.abs(self.misses()), kind="stable")[:count]
        return (self.places[worst] + self.places[worst + 1]) / 2

    def trapezoids(self) -> np.ndarray:
        """The weight of each place."""
        lengths = np.diff(self.places)
        return (np.append(lengths, 0) + np.append(0, lengths)) / 2

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The sum of the gradients with `weights`: float64 [s, s, 3]."""
        total = np.zeros(self.delta.shape)
        for weight, gradient in zip(weights, self._gradients, strict=True):
            total += weight * gradient
        return total


def _gradients(
    model: Network, variables: Variables, x: jax.Array, index: Any
) -> tuple[jax.Array, jax.Array]:
    """Logits of a class [b] and their gradients by the images `x`, [b, s, s, 3]."""

    def total(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = model.apply(variables, x, train=False).logits[:, index]
        return logits.sum(), logits

    gradients, logits = jax.grad(total, has_aux=True)(x)
    return logits, gradients
