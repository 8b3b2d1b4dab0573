"""What is explained, a network's logit for one image, and programs compiled once a network."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from inception_jax.models.lowering import forms
from inception_jax.models.network import Network
from inception_jax.runtime import xla_options

Variables = Mapping[str, Any]
BATCH = 8  # images at a time: one size, so that all methods share their programs


def compiled(function: Callable[..., Any], *fixed: Any) -> Callable[..., Any]:
    """`function` of arrays, its first arguments `fixed` (a network, names); compiled once."""
    return _jitted(function, *fixed)


@lru_cache(maxsize=64)
def _jitted(function: Callable[..., Any], *fixed: Any) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        with forms.for_platform(jax.default_backend()):
            return function(*fixed, *args)

    return xla_options.jit(run)


def as_batch(image: ArrayLike) -> jax.Array:
    """A network's normalised input [1, s, s, 3] of an image [s, s, 3] or [1, s, s, 3].

    Raises:
        ValueError: it is no single RGB image.
    """
    x = jnp.asarray(image)
    x = x[None] if x.ndim == 3 else x
    if x.ndim != 4 or x.shape[0] != 1 or x.shape[-1] != 3:
        raise ValueError(f"expected one image [s, s, 3] or [1, s, s, 3], got {x.shape}")
    return x


def check_class(model: Network, class_index: int) -> int:
    """`class_index`, if the network has such an output.

    Raises:
        ValueError: it has not.
    """
    if not 0 <= class_index < model.num_classes:
        raise ValueError(
            f"class_index: expected one of the network's {model.num_classes} outputs, "
            f"got {class_index}"
        )
    return int(class_index)


def logits(model: Network, variables: Variables, images: Iterable[np.ndarray]) -> np.ndarray:
    """Logits [n, classes] of normalised images [s, s, 3]."""
    return outputs(model, variables, images)[0]


def outputs(
    model: Network, variables: Variables, images: Iterable[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits [n, classes] and pooled features [n, c] of normalised images [s, s, 3]."""
    run = compiled(_outputs, model)
    parts = [[np.asarray(y)[:n] for y in run(variables, x)] for x, n in batches(images)]
    logits, features = (np.concatenate(part) for part in zip(*parts, strict=True))
    return logits, features


def probabilities(
    model: Network, variables: Variables, images: Iterable[np.ndarray], class_index: int
) -> np.ndarray:
    """The probability [n] of a class for normalised images [s, s, 3]."""
    return np.asarray(jax.nn.softmax(logits(model, variables, images)))[:, class_index]


def batches(images: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, int]]:
    """Stacks of `BATCH` images, the last one filled up with zeros, and the number of images."""
    rest = iter(images)
    while part := list(islice(rest, BATCH)):
        stack = np.stack([*part, *[np.zeros_like(part[0])] * (BATCH - len(part))])
        yield stack, len(part)


def _outputs(model: Network, variables: Variables, images: jax.Array) -> tuple[jax.Array, ...]:
    out = model.apply(variables, images, train=False, endpoints=True)
    return out.logits, out.endpoints["pool"]
