"""Occlusion (arXiv:1311.2901, section 4.2): how far the logit falls when a square is covered."""

from itertools import chain

import numpy as np
from jax.typing import ArrayLike

from inception_jax.explain import program
from inception_jax.explain.program import Variables
from inception_jax.models.network import Network


def occlusion(
    model: Network,
    variables: Variables,
    image: ArrayLike,
    class_index: int,
    *,
    window: int | None = None,
    stride: int | None = None,
) -> np.ndarray:
    """The fall of a logit when a square of the image is covered, averaged over the squares.

    The cover is the mean image of the network's preprocessing (zeros of its input). The squares
    start at multiples of `stride`; the last of a line may end at the image's border. Equal to
    Captum's `Occlusion` with baseline 0.

    Args:
        model: any network with a classifier, folded or not.
        variables: its variables.
        image: the network's normalised input, [s, s, 3] or [1, s, s, 3].
        class_index: the output to explain.
        window: side of the square in pixels; None is a fifth of the image's.
        stride: between squares; None is four fifths of the window, so 36 squares.

    Returns:
        float32 [s, s]: of each pixel the mean fall over the squares that cover it.

    Raises:
        ValueError: no such class, not a single image, or windows that leave pixels uncovered.
    """
    x, index = np.asarray(program.as_batch(image))[0], program.check_class(model, class_index)
    side = x.shape[0]
    window, stride = default(side, window, stride)
    if not 1 <= stride <= window <= side:
        raise ValueError(
            f"expected 1 <= stride <= window <= {side}, got stride {stride}, window {window}"
        )
    squares = squares_of(side, window, stride)
    images = chain([x], (_covered(x, square) for square in squares))
    whole, *parts = program.logits(model, variables, images)[:, index].astype(np.float64)
    total, count = np.zeros((side, side)), np.zeros((side, side))
    for square, logit in zip(squares, parts, strict=True):
        total[square] += whole - logit
        count[square] += 1
    return (total / count).astype(np.float32)


def default(side: int, window: int | None = None, stride: int | None = None) -> tuple[int, int]:
    """The window and the stride for an image of `side` pixels."""
    window = max(1, round(side / 5)) if window is None else window
    return window, max(1, -(-4 * window // 5)) if stride is None else stride


def squares_of(side: int, window: int, stride: int) -> list[tuple[slice, slice]]:
    """The squares, line by line."""
    starts = [stride * i for i in range(-(-(side - window) // stride) + 1)]
    return [np.s_[i : i + window, j : j + window] for i in starts for j in starts]


def _covered(x: np.ndarray, square: tuple[slice, slice]) -> np.ndarray:
    x = x.copy()
    x[square] = 0
    return x
