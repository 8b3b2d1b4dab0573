"""Which branch decided: a logit as a sum over the paths of each module."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from inception_jax import models
from inception_jax.explain import program, rows
from inception_jax.explain.program import Variables
from inception_jax.models import probes
from inception_jax.models.block_monitors import blocks
from inception_jax.models.network import Network

SHORTCUT, POOL = "shortcut", "pool"
REDUCTION = re.compile(r"1x1 \d+$")


class Path(NamedTuple):
    """A branch or shortcut of a module.

    Attributes:
        name: in short: its windows without a 1x1 before them (`1x1`, `3x3`, `5x5`, `2 x 3x3`),
            `pool`, or `shortcut`.
        steps: its layers, as `models.describe` has them; none of a plain shortcut.
        logit: the part of the logit that goes through it.
        heat: float32 [h, w], where on the module's grid; its sum is `logit`.
    """

    name: str
    steps: tuple[str, ...]
    logit: float
    heat: np.ndarray


class ModuleShares(NamedTuple):
    """The paths of one module, in the order in which they are joined.

    Attributes:
        name: the row's; of a row of several modules with the module's number: `block17_3`.
        paths: the branches, and a residual module's shortcut.
        rest: what of the logit no path has: biases after the module's branches.
    """

    name: str
    paths: tuple[Path, ...]
    rest: float

    def share(self, path: Path) -> float:
        """The part of a path, as a share of the sizes of all paths' parts; it has their sign."""
        return path.logit / (sum(abs(p.logit) for p in self.paths) or 1.0)


class BranchShares(NamedTuple):
    """A logit, and the modules of a network from the image to the classifier."""

    logit: float
    modules: tuple[ModuleShares, ...]


def branch_shares(
    model: Network, variables: Variables, image: ArrayLike, class_index: int
) -> BranchShares:
    """How much of a logit goes through each branch of each module.

    A path's part is the sum, over its positions and channels, of its output times the logit's
    gradient by it. Its output is what the module joins: a branch before the concatenation; in a
    residual module of Inception-ResNet a branch before the 1x1 that joins them, and the shortcut
    before the sum; in Xception, whose modules have no parallel branches (each is an Inception
    module taken to one branch a channel), the separable convolutions and the shortcut, or the
    strided 1x1 in its place.

    How complete that is. Above a module the network computes convolutions, ReLU, pools and fixed
    BatchNorm, so near this image the logit is an affine function of the module's paths: the
    gradient is constant there, and the parts add up to the logit without the constants, which are
    biases (and BatchNorm's shifts) of later layers and, in a residual module, of its own 1x1. They
    are reported as `rest`: the parts and it are the logit exactly, but for rounding. Of the last
    module, with only the average pool and the classifier above it, `rest` is the classifier's bias,
    and a branch's part is by how much the logit falls without the branch. Further down a part is a
    share in the present decision, not the effect of removing the branch, since ReLUs would change.

    Args:
        model: any network with a classifier, folded or not.
        variables: its variables.
        image: the network's normalised input, [s, s, 3] or [1, s, s, 3].
        class_index: the output to explain.

    Raises:
        ValueError: no such class, or not a single image.
    """
    x, class_index = program.as_batch(image), program.check_class(model, class_index)
    size = x.shape[1]
    gates = rows.gates(model, variables, size)
    run = program.compiled(_by_gates, model)
    logit, heats = run(variables, x, gates, class_index)
    steps = {row.name: row.branches for row in models.describe(model, size).rows}
    modules = [
        _module(name, paths, steps[row], float(logit))
        for row in (r.name for r in model.rows() if r.name in heats)
        for name, paths in blocks({row: heats[row]})
    ]
    return BranchShares(float(logit), tuple(modules))


def path_name(steps: Sequence[str]) -> str:
    """A branch in short, from its layers."""
    if any(step.startswith(("max", "avg")) for step in steps[:1]):
        return POOL
    while len(steps) > 1 and REDUCTION.match(steps[0]):
        steps = steps[1:]
    while len(steps) > 1 and steps[-1].startswith("max"):
        steps = steps[:-1]
    runs = [(name, len(list(run))) for name, run in groupby(map(_window, steps))]
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in runs)


def _window(step: str) -> str:
    """`3x3` of `3x3/2 V 192`; of a fork both; `separable 3x3` and `max 3x3` with their kind."""
    kind = re.match(r"(separable|max|avg) ", step)
    return (kind[0] if kind else "") + "|".join(re.findall(r"\d+x\d+", step))


def _module(name: str, heats: Any, branches: Sequence[Sequence[str]], logit: float) -> ModuleShares:
    paths = tuple(_paths(heats, branches))
    return ModuleShares(name, paths, logit - sum(p.logit for p in paths))


def _paths(heats: Any, branches: Sequence[Sequence[str]]) -> Iterator[Path]:
    for i, steps in enumerate(branches):
        heat = np.asarray(heats[f"{probes.BRANCH}_{i}"])[0, :, :, 0]
        yield Path(path_name(steps), tuple(steps), float(heat.sum(dtype=np.float64)), heat)
    if probes.SHORTCUT in heats:
        heat = np.asarray(heats[probes.SHORTCUT])[0, :, :, 0]
        yield Path(SHORTCUT, (), float(heat.sum(dtype=np.float64)), heat)


def _by_gates(
    model: Network, variables: Variables, x: jax.Array, gates: Any, index: Any
) -> tuple[jax.Array, Any]:
    """A logit and its gradient by the gates: output times gradient, added over channels."""

    def logit(gates: Any) -> jax.Array:
        given = {**variables, probes.COLLECTION: gates}
        return model.apply(given, x, train=False).logits[0, index]

    return jax.value_and_grad(logit)(gates)
