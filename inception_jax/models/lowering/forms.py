"""The forms in which a network is computed; each can be switched off, to measure or to compare.

All compute the figures' mathematics on the same parameters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax
from jax.sharding import Mesh

FORMS = {
    "siblings": "1x1 convolutions of one input as one, average pools behind them",
    "deferred": "max-pools before normalisation and ReLU",
    "by_image": "images one after the other, where one device has them all (`cpu`)",
    "platform": "operations that one platform does faster in another form (`cpu`)",
    "places": "max-pools that remember where each maximum is (`gpu_pool`)",
    "blocks": "convolutions of few channels on blocks of 2x2 pixels (`blocks`)",
    "paired": "BatchNorm's sums in pairs, ReLU's mask computed again for each (`affine`)",
    "flat": "sums over all parameters as one sum, their gradients in their layout (`parameters`)",
}
ON_GPUS = frozenset({"places", "blocks", "paired", "flat"})  # nowhere else

_off: ContextVar[frozenset[str]] = ContextVar("forms_off", default=frozenset())
_platform: ContextVar[str] = ContextVar("forms_platform", default="")


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Inside, tracing takes none of the named forms.

    Raises:
        KeyError: a name is not in `FORMS`.
    """
    for name in names:
        FORMS[name]
    token = _off.set(_off.get() | set(names))
    try:
        yield
    finally:
        _off.reset(token)


@contextmanager
def for_platform(platform: str) -> Iterator[None]:
    """Inside, tracing is for devices of `platform`, as JAX names it; else for the default one's."""
    token = _platform.set(platform)
    try:
        yield
    finally:
        _platform.reset(token)


def platform() -> str:
    """The platform that is traced for, if `for_platform` has said which; else empty."""
    return _platform.get()


def on(name: str) -> bool:
    """Whether a form is switched on, and is one of the platform that is traced for."""
    assert name in FORMS
    if name in ON_GPUS and (platform() or jax.default_backend()) != "gpu":
        return False
    return name not in _off.get()


@contextmanager
def for_mesh(mesh: Mesh, whole_batch: bool = True, replicated: bool = True) -> Iterator[None]:
    """The forms for a batch that is split over `mesh`.

    A loop over images would make every device wait for each image, so `by_image` is off, unless
    the network is traced on each device's own images (`whole_batch=False`). One sum over all
    parameters would collect on each device what others have of them: `flat` is off unless each has
    them all (`replicated`).
    """
    off = [] if replicated else ["flat"]
    if whole_batch and mesh.size > 1:
        off.append("by_image")
    with without(*off), for_platform(mesh.devices.flat[0].platform):
        yield
