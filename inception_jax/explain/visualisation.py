"""Feature visualisation: images that excite a channel or a branch (Distill, 2017)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.scipy.ndimage import map_coordinates
from jaxtyping import Array, Float

from inception_jax.explain import fourier, program, rows
from inception_jax.explain.program import Variables
from inception_jax.models import preprocess, probes
from inception_jax.models.names import known
from inception_jax.models.network import Network

SIZE, STEPS = 160, 96
RATE = 0.05  # Adam's, as in lucid
SHIFT, DEGREES, SCALE = 8, 5.0, 0.05  # of an image at each step: pixels, degrees, share
INTERMEDIATES = "intermediates"  # where `probes.path` puts a path's output


class Visualisation(NamedTuple):
    """An image made for a unit.

    Attributes:
        unit: a channel's number, or a path's name in `models.probes`.
        image: uint8 [s, s, 3].
        excitation: the mean of a channel's output over the grid; of a branch the mean square.
        start: the same for the random image that it was made from.
    """

    unit: int | str
    image: np.ndarray
    excitation: float
    start: float


def visualise(
    model: Network,
    variables: Variables,
    row: str,
    units: Sequence[int | str],
    *,
    size: int = SIZE,
    steps: int = STEPS,
    seed: int = 0,
) -> list[Visualisation]:
    """Images that excite units of a row, made by gradient ascent from random ones.

    Each step shifts, turns and scales the image a little, so that what it shows does not depend on
    single pixels. The same seed gives the same images.

    Args:
        model: any network, folded or not.
        variables: its variables.
        row: name of a row.
        units: channels of the row's output (its mean over the grid grows), or paths of the row's
            module such as `branch_2`, of the last one if there are several (their mean square).
        size: side of the images in pixels; at least the network's minimum.
        steps: of Adam.
        seed: of the first images and of the changes.

    Raises:
        ValueError: the network has no such row, or the row no such unit.
    """
    known("row", row, tuple(r.name for r in model.rows()))
    shapes = rows.of_network(model, variables, size)
    channels = shapes[probes.row_name(row)].shape[-1]
    paths = tuple(last_module(shapes.get(row, {})))
    for unit in units:
        if isinstance(unit, str):
            known("path", unit, paths)
        elif not 0 <= unit < channels:
            raise ValueError(f"channel {unit}: expected one of the {channels} of {row}")
    ascend = program.compiled(_ascend, model, row, tuple(units), size, steps)
    images, before, after = map(np.asarray, ascend(variables, jax.random.key(seed)))
    whole = (images * 255).round().astype(np.uint8)
    return [
        Visualisation(*u) for u in zip(units, whole, after.tolist(), before.tolist(), strict=True)
    ]


def _ascend(
    model: Network,
    row: str,
    units: tuple[int | str, ...],
    size: int,
    steps: int,
    variables: Variables,
    key: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Images in [0, 1], and each unit's excitation by its first and its last image."""
    optimiser = optax.adam(RATE)

    def excitations(x: Float[Array, "n h w 3"]) -> Float[Array, " n"]:
        x = preprocess.normalised(x, model).astype(model.dtype)
        out, found = model.apply(variables, x, train=False, endpoints=True, mutable=[INTERMEDIATES])
        paths = last_module((found.get(INTERMEDIATES) or {}).get(row, {}))
        return jnp.stack(
            [
                jnp.square(paths[u][0][i]).mean() if isinstance(u, str)
                else out.endpoints[row][i, ..., u].mean()
                for i, u in enumerate(units)
            ]
        )  # fmt: skip

    def loss(coefficients: Array, key: jax.Array) -> jax.Array:
        return -excitations(_moved(fourier.pixels(coefficients), key)).sum()

    def step(carry: tuple[Array, Any], key: jax.Array) -> tuple[tuple[Array, Any], None]:
        coefficients, state = carry
        updates, state = optimiser.update(jax.grad(loss)(coefficients, key), state)
        return (coefficients + jnp.asarray(updates), state), None

    first, changes = jax.random.split(key)
    start = fourier.spectrum(first, len(units), size)
    keys = jax.random.split(changes, steps)
    (end, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), keys)
    images = fourier.pixels(end)
    return images, excitations(fourier.pixels(start)), excitations(images)


def _moved(images: Float[Array, "n h w 3"], key: jax.Array) -> Float[Array, "n h w 3"]:
    """The images shifted, turned about their centre and scaled, all alike; reflected outside."""
    size = images.shape[1]
    unit = jax.random.uniform(key, (4,), minval=-1.0, maxval=1.0)
    angle, zoom = unit[0] * np.deg2rad(DEGREES), 1 + SCALE * unit[1]
    at = jnp.arange(size, dtype=jnp.float32) - (size - 1) / 2
    y, x = jnp.meshgrid(at, at, indexing="ij")
    cos, sin = zoom * jnp.cos(angle), zoom * jnp.sin(angle)
    centre = (size - 1) / 2 + SHIFT * unit[2:]
    places = [cos * y - sin * x + centre[0], sin * y + cos * x + centre[1]]

    def plane(image: Float[Array, "h w"]) -> Float[Array, "h w"]:
        return map_coordinates(image, places, order=1, mode="mirror")

    return jax.vmap(jax.vmap(plane, -1, -1))(images)


def last_module(module: Any) -> Any:
    """The paths of a row's only module, or of the last of several, which are numbered."""
    return module[max(module, key=int)] if module and all(k.isdigit() for k in module) else module
