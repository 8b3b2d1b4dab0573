"""torch's files: a state dict, alone or anywhere in what a training script saved beside it."""

import contextlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.errors import DataError
from inception_jax.weights.formats import Leaf, WeightFile

DEPTH = 64  # of nested values that are searched
REFUSED = re.compile(r"GLOBAL (\S+) was not an allowed global")
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Foreign(list[Any]):
    """What stands for an object of a class that torch does not know: it has a state, no code."""

    state: Any = None

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class ForeignDict:
    """What stands for an unknown kind of dict: torch's reader fills only its own kinds."""

    def __new__(cls, *args: Any, **kwargs: Any) -> OrderedDict[Any, Any]:  # noqa: D102
        return OrderedDict()


def read(path: Path) -> WeightFile:
    """Reads every tensor of a file by the names that lead to it, joined with dots.

    Raises:
        DataError: torch refuses the file, or it has no tensors.
    """
    try:
        state = _load(path)
    except ImportError:
        raise
    except Exception as e:
        reason = " ".join(ESCAPES.sub("", str(e) or type(e).__name__).split())
        raise DataError(
            f"{path}: cannot be read as a torch file: {reason}\nSave the network's state_dict() "
            f"alone, with torch.save or as .safetensors, and import that"
        ) from e
    leaves = dict(_tensors(state, (), set()))
    if not leaves:
        raise DataError(f"{path}: expected a state dict, found no tensors in this torch file")
    return WeightFile(leaves)


def _load(path: Path) -> Any:
    """The file's value, by torch's reader that executes nothing.

    That reader refuses classes it does not know: training scripts save arguments, configs and
    NumPy's numbers beside the weights. They are read as `Foreign`, one more at each attempt.
    """
    import torch  # pyright: ignore[reportMissingImports]

    known: dict[str, Any] = {}
    options: dict[str, Any] = {"map_location": "cpu", "weights_only": True, "mmap": True}
    while True:
        try:
            with torch.serialization.safe_globals([(v, k) for k, v in known.items()]):
                # Memory-mapped: arrays are copied once, when they are transposed to our layout.
                return torch.load(path, **options)
        except Exception as e:
            if options["mmap"] and "mmap" in str(e):  # the format before torch 1.6 cannot be mapped
                options["mmap"] = False
                continue
            refused = REFUSED.search(str(e))
            if not refused or refused[1] in known:
                raise
            stands_for = ForeignDict if refused[1].lower().endswith("dict") else Foreign
            known[refused[1]] = known[f"builtins.{refused[1]}"] = stands_for


def _tensors(value: Any, path: tuple[str, ...], seen: set[int]) -> Iterator[tuple[str, Leaf]]:
    """Every tensor below `value`; a container is visited once, so that cycles end."""
    if isinstance(value, Foreign) and value.state is not None:
        value = value.state
    if hasattr(value, "detach"):
        yield ".".join(path), Leaf(tuple(value.shape), partial(_numbers, value))
    elif isinstance(value, dict | list | tuple) and id(value) not in seen and len(path) < DEPTH:
        seen.add(id(value))
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _tensors(below, (*path, str(key)), seen)


def _numbers(tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    with contextlib.suppress(TypeError):
        return tensor.numpy()
    return tensor.float().numpy()  # bfloat16 and smaller, which NumPy lacks
