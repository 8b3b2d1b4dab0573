"""Whether a heat map is right: insertion and deletion curves (RISE, arXiv:1806.07421)."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import cv2
import numpy as np
from jax.typing import ArrayLike

from inception_jax.explain import program
from inception_jax.explain.cam import upsampled
from inception_jax.explain.program import Variables
from inception_jax.models.network import Network

STEPS = 32
BLUR_SIDE, BLUR_SIGMA = 11 / 224, 5 / 224  # shares of the image's side: RISE's kernel at 224 pixels
GRID = 8  # cells a side of a random map: as coarse as a class activation map


class PixelCurve(NamedTuple):
    """The probability of a class as the pixels change, the hottest first.

    Attributes:
        shares: of the pixels that are changed, 0 to 1.
        probabilities: of the class.
    """

    shares: np.ndarray
    probabilities: np.ndarray

    @property
    def area(self) -> float:
        """Area under the curve: of a good map large for insertion, small for deletion."""
        return float(np.trapezoid(self.probabilities, self.shares))


class Faithfulness(NamedTuple):
    """How a heat map does: the image's pixels inserted into a blurred one, and deleted from it."""

    insertion: PixelCurve
    deletion: PixelCurve


def insertion_and_deletion(
    model: Network,
    variables: Variables,
    image: ArrayLike,
    class_index: int,
    heat: np.ndarray,
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Faithfulness:
    """The probability of a class while pixels appear, and while they disappear, hottest first.

    Insertion starts from the blurred image, as RISE's; deletion ends in zeros, the mean image of
    the network's preprocessing. Pixels that are equally hot change in a random order.

    Args:
        model: any network with a classifier, folded or not.
        variables: its variables.
        image: the network's normalised input, [s, s, 3] or [1, s, s, 3].
        class_index: the class whose probability is read.
        heat: [s, s], or on a smaller grid [h, w], then enlarged as by `upsampled`.
        steps: changes of equally many pixels; RISE's code has 224.
        seed: of the order of equally hot pixels.

    Raises:
        ValueError: no such class, or not a single image.
    """
    given = {"steps": steps, "seed": seed}
    return of_each(model, variables, image, class_index, [heat], **given)[0]


def of_each(
    model: Network,
    variables: Variables,
    image: ArrayLike,
    class_index: int,
    heats: Sequence[np.ndarray],
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> list[Faithfulness]:
    """`insertion_and_deletion` of several maps of an image, whose curves share their ends."""
    x = np.asarray(program.as_batch(image))[0]
    index, zeros, shares = (
        program.check_class(model, class_index),
        np.zeros_like(x),
        np.linspace(0, 1, steps + 1),
    )
    blurry, ranks = blurred(x), [_ranks(heat, x.shape[0], seed) for heat in heats]
    between = (
        np.where((rank < round(share * rank.size))[..., None], *sides)
        for rank in ranks
        for sides in ((x, blurry), (zeros, x))
        for share in shares[1:-1]
    )
    images = chain((x, blurry, zeros), between)
    whole, start, end, *rest = program.probabilities(model, variables, images, index)
    inside = np.reshape(rest, (len(heats), 2, steps - 1))
    return [
        Faithfulness(
            PixelCurve(shares, np.array([start, *inserted, whole])),
            PixelCurve(shares, np.array([whole, *deleted, end])),
        )
        for inserted, deleted in inside
    ]


def _ranks(heat: np.ndarray, side: int, seed: int) -> np.ndarray:
    """Each pixel's place in the order of change: int [side, side]."""
    heat = heat if heat.shape == (side, side) else upsampled(heat, side)
    ties = np.random.default_rng(seed).permutation(heat.size)
    ranks = np.empty(heat.size, np.int64)
    ranks[np.lexsort((ties, -heat.ravel()))] = np.arange(heat.size)
    return ranks.reshape(side, side)


def blurred(image: np.ndarray) -> np.ndarray:
    """An image [s, s, 3] without details: the start of insertion."""
    side = image.shape[0]
    width = max(2 * round(side * BLUR_SIDE / 2) + 1, 3)
    return cv2.GaussianBlur(
        image, (width, width), side * BLUR_SIGMA, borderType=cv2.BORDER_REFLECT_101
    )


def random_heat(size: int, seed: int = 0, grid: int = GRID) -> np.ndarray:
    """A heat map that knows nothing, as smooth as a class activation map: [size, size].

    Single random pixels are another comparison: they spread over all of the image, which is good
    for insertion and bad for deletion (experiments/explain).
    """
    return upsampled(np.random.default_rng(seed).random((grid, grid)), size)
