"""All explanations of one photograph."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from inception_jax.explain import (
    branches,
    faithful,
    integrated,
    nearest,
    occlude,
    pictures,
    program,
    rows,
)
from inception_jax.explain.branches import BranchShares
from inception_jax.explain.cam import grad_cam, grad_cam_plus_plus, upsampled
from inception_jax.explain.faithful import Faithfulness
from inception_jax.explain.nearest import Neighbour
from inception_jax.explain.occlude import occlusion
from inception_jax.explain.program import Variables
from inception_jax.explain.visualisation import Visualisation
from inception_jax.models import preprocess
from inception_jax.models.network import Network

BRANCHES = "branches"
CURVE_STEPS, RANDOM_MAPS = 5, 2
MOST_GRADIENTS = 80  # a logit that hardly differs from the mean image's would take hundreds
SMOOTH = 0.02  # share of the image's side by which integrated gradients are blurred
TOP = 5


class HeatMap(NamedTuple):
    """A method's map of a photograph.

    Attributes:
        method: a key of `HEATS`.
        heat: float32 [s, s].
        note: what to know of it.
        faithfulness: its insertion and deletion curves.
    """

    method: str
    heat: np.ndarray
    note: str
    faithfulness: Faithfulness | None = None


class Explanation(NamedTuple):
    """What was found of a photograph.

    Attributes:
        path: the file.
        picture: uint8 [s, s, 3], as the network sees it.
        top: the most probable classes with their probabilities.
        target: the index of the class that is explained.
        name: its name.
        logit: its logit.
        probability: its probability.
        row: the row of the class activation maps.
        maps: one a method.
        random: curves of maps that know nothing.
        shares: of the branches, if they were asked for.
        neighbours: the nearest training images.
        visualisations: images that excite channels or branches.
    """

    path: Path
    picture: np.ndarray
    top: tuple[tuple[str, float], ...]
    target: int
    name: str
    logit: float
    probability: float
    row: str
    maps: tuple[HeatMap, ...]
    random: tuple[Faithfulness, ...]
    shares: BranchShares | None
    neighbours: tuple[Neighbour, ...]
    visualisations: tuple[Visualisation, ...] = ()


Method = Callable[[Network, Variables, np.ndarray, int, str], tuple[np.ndarray, str]]


def explain(
    path: Path,
    picture: np.ndarray,
    model: Network,
    variables: Variables,
    classes: Sequence[str],
    *,
    target: int | None = None,
    row: str | None = None,
    methods: Sequence[str],
    training: "nearest.TrainingImages | None" = None,
    neighbours: int = 0,
    seed: int = 0,
) -> Explanation:
    """Explain a class of a photograph.

    Args:
        path: the file.
        picture: its crop, uint8 [s, s, 3].
        model: any network with a classifier, folded or not.
        variables: its variables.
        classes: names of the outputs.
        target: the output to explain; None is the most probable one.
        row: of the class activation maps; None is the last with a grid.
        methods: keys of `HEATS`, and `branches`.
        training: the run's training images.
        neighbours: how many of them to show.
        seed: of the random maps.
    """
    x = np.asarray(preprocess.as_input(picture[None], model))[0]
    logits, features = (y[0] for y in program.outputs(model, variables, [x]))
    p = np.asarray(jax.nn.softmax(logits))
    target = int(p.argmax()) if target is None else program.check_class(model, target)
    row = rows.chosen(model, variables, x.shape[0], row)
    found = [(m, *HEATS[m](model, variables, x, target, row)) for m in methods if m in HEATS]
    random = [
        faithful.random_heat(x.shape[0], seed + i) for i in range(RANDOM_MAPS if found else 0)
    ]
    heats = [heat for _, heat, _ in found] + random
    given: dict[str, Any] = {"steps": CURVE_STEPS, "seed": seed}
    curves = faithful.of_each(model, variables, x, target, heats, **given) if heats else []
    shares = branches.branch_shares(model, variables, x, target) if BRANCHES in methods else None
    return Explanation(
        path=path,
        picture=picture,
        top=tuple((classes[int(i)], float(p[i])) for i in np.argsort(-p, kind="stable")[:TOP]),
        target=target,
        name=classes[target],
        logit=float(logits[target]),
        probability=float(p[target]),
        row=row,
        maps=tuple(HeatMap(*m, c) for m, c in zip(found, curves[: len(found)], strict=True)),
        random=tuple(curves[len(found) :]),
        shares=shares,
        neighbours=tuple(training.nearest(features, neighbours)) if training else (),
    )


def _class_activation(method: Callable[..., np.ndarray]) -> Method:
    def run(
        model: Network, variables: Variables, x: np.ndarray, target: int, row: str
    ) -> tuple[np.ndarray, str]:
        heat = method(model, variables, x, target, row)
        return upsampled(heat, x.shape[0]), f"{row}, {heat.shape[0]}×{heat.shape[1]}"

    return run


def _integrated(
    model: Network, variables: Variables, x: np.ndarray, target: int, row: str
) -> tuple[np.ndarray, str]:
    found = integrated.integrated_gradients(model, variables, x, target, most=MOST_GRADIENTS)
    heat = pictures.smooth(found.attributions.sum(-1), SMOOTH)
    return heat, f"{found.gradients} gradients, {found.error:.2%} incomplete"


def _occlusion(
    model: Network, variables: Variables, x: np.ndarray, target: int, row: str
) -> tuple[np.ndarray, str]:
    window, stride = occlude.default(x.shape[0])
    count = len(occlude.squares_of(x.shape[0], window, stride))
    return occlusion(model, variables, x, target), f"{count} squares of {window}×{window}"


HEATS: dict[str, Method] = {
    "grad_cam": _class_activation(grad_cam),
    "grad_cam_plus_plus": _class_activation(grad_cam_plus_plus),
    "integrated_gradients": _integrated,
    "occlusion": _occlusion,
}
TITLES = {
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "integrated_gradients": "Integrated gradients",
    "occlusion": "Occlusion",
}
