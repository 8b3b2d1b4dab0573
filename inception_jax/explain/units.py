"""Which units of a row to visualise."""

from collections.abc import Sequence

import numpy as np

from inception_jax.explain import cam, rows
from inception_jax.explain.photo import Explanation
from inception_jax.explain.program import Variables
from inception_jax.explain.visualisation import last_module
from inception_jax.models import preprocess, probes
from inception_jax.models.network import Network

CHANNELS = 6


def chosen(
    model: Network,
    variables: Variables,
    row: str,
    wanted: str | Sequence[int],
    size: int,
    photo: Explanation | None,
) -> Sequence[int | str]:
    """The units of `row`: the given channels, or all `branches`, or without a wish six channels.

    Those are the channels through which most of a photograph's logit goes, or without a photograph
    equally spaced ones.

    Raises:
        ValueError: the row has no branches.
    """
    if not isinstance(wanted, str):
        return wanted
    shapes = rows.of_network(model, variables, size)
    if wanted == "branches":
        paths = [p for p in last_module(shapes.get(row, {})) if p.startswith(probes.BRANCH)]
        if not paths:
            raise ValueError(f"{row} has no branches; give channels")
        return sorted(paths, key=lambda p: int(p.rpartition("_")[2]))
    if photo is None:
        channels = shapes[probes.row_name(row)].shape[-1]
        return sorted({int(i) for i in np.linspace(0, channels - 1, CHANNELS)})
    x = preprocess.as_input(photo.picture[None], model)
    at = cam.row_gradient(model, variables, x, photo.target, row)
    parts = (at.activations * at.gradients).sum(axis=(0, 1))
    return np.argsort(-parts, kind="stable")[:CHANNELS].tolist()
