"""The forms in which a network is computed; each can be switched off, to measure or to compare.

All compute the figures' mathematics on the same parameters.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

from jax.sharding import Mesh

FORMS = {
    "siblings": "1x1 convolutions of one input as one, average pools behind them",
    "deferred": "max-pools before normalisation and ReLU",
    "by_image": "images one after the other, where one device has them all (`cpu`)",
    "platform": "operations that one platform does faster in another form (`cpu`)",
}

_off: ContextVar[frozenset[str]] = ContextVar("forms_off", default=frozenset())


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


def on(name: str) -> bool:
    """Whether a form is switched on."""
    assert name in FORMS
    return name not in _off.get()


def for_mesh(mesh: Mesh, whole_batch: bool = True) -> AbstractContextManager[None]:
    """The forms for a batch that is split over `mesh`.

    A loop over images would make every device wait for each image, so `by_image` is off, unless
    the network is traced on each device's own images (`whole_batch=False`).
    """
    return without("by_image") if whole_batch and mesh.size > 1 else nullcontext()
