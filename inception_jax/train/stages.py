"""The stages of a run: training at one image size after another, then BatchNorm's recalibration.

Everything is a function of the step, so that a run resumes in the right stage.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import jax

from inception_jax.config import sections
from inception_jax.errors import ConfigError


class Stage(NamedTuple):
    """Consecutive steps of one program, counted from 1.

    Attributes:
        first: its first step.
        last: its last step.
        size: side of its images in pixels.
        recalibrates: whether its steps measure BatchNorm's averages instead of training.
        head: whether the classifier alone learns, on stored features.
    """

    first: int
    last: int
    size: int
    recalibrates: bool = False
    head: bool = False


def of(c: sections.Sections, per_epoch: float, stop: int | None = None) -> tuple[Stage, ...]:
    """The stages of a config's run, in order.

    Progressive resizing (arXiv:2104.00298, section 4): each of `train.sizes` ends at the epoch in
    `train.size_epochs`, the rest of the training has `data.image_size`. `train.recalibrate` steps
    follow. The first stage may be that of `optim.head_epochs`.

    Args:
        c: the config.
        per_epoch: steps of an epoch.
        stop: the last training step, where an early stop ends the training before `train.epochs`.
    """
    last = stop or math.ceil(c.train.epochs * per_epoch - 1e-9)
    ends = [min(last, math.ceil(e * per_epoch - 1e-6)) for e in c.train.size_epochs]
    stages, first = [], 1
    if head := min(last, math.ceil(c.optim.head_epochs * per_epoch - 1e-6)):
        stages.append(Stage(1, head, c.data.image_size, head=True))
        first = head + 1
    for size, end in zip((*c.train.sizes, c.data.image_size), (*ends, last), strict=True):
        if end >= first:
            stages.append(Stage(first, end, size))
            first = end + 1
    if c.train.recalibrate:
        # At the size of the last step: the weights have adapted to its objects.
        stages.append(Stage(last + 1, last + c.train.recalibrate, stages[-1].size, True))
    return tuple(stages)


def at(stages: Sequence[Stage], step: int) -> Stage:
    """The stage of a step; the last one beyond its end."""
    return next((s for s in stages if step <= s.last), stages[-1])


def stretches(stages: Sequence[Stage], start: int) -> list[tuple[Stage, range]]:
    """(First stage, steps counted from 0) of the batches after step `start` that are alike."""
    found = []
    for _, each in groupby(stages, key=lambda s: (s.size, s.head)):
        same = list(each)
        steps = range(max(start, same[0].first - 1), same[-1].last)
        found += [(same[0], steps)] if steps else []
    return found


def trained(stages: Sequence[Stage]) -> int:
    """The last step that trains."""
    return max(s.last for s in stages if not s.recalibrates)


def check_shapes(params: Any, smaller: Any, size: int) -> None:
    """Refuse to train on images of `size` pixels if the parameters would have other shapes.

    Raises:
        ConfigError: names the first layer.
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    for (path, x), y in zip(leaves, jax.tree.leaves(smaller), strict=True):
        if x.shape != y.shape:
            name = "/".join(key.key for key in path)
            raise ConfigError(
                f"--config.train.sizes: expected sizes of which each layer has the same shape, but "
                f"{name} is {y.shape} at {size} pixels and {x.shape} at data.image_size; use "
                f"larger sizes, or --config.model.aux=false where an auxiliary head is named"
            )
