"""Exchange rows, JSON values and stop signals between the processes of a job."""

import json
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from inception_jax import errors
from inception_jax.runtime.signals import Interrupt


def concatenated(rows: np.ndarray) -> np.ndarray:
    """Concatenate arrays [n, ...] of equal shape from all processes, in each of them."""
    if jax.process_count() == 1:
        return rows
    return np.asarray(multihost_utils.process_allgather(rows, tiled=True))


def of_first(rows: np.ndarray) -> np.ndarray:
    """The array of process 0, in all; the others pass one of its shape and dtype."""
    if jax.process_count() == 1:
        return rows
    return np.asarray(multihost_utils.broadcast_one_to_all(rows))


def any_of(flag: bool) -> bool:
    """Whether the flag is set in any process. All must call it."""
    return bool(concatenated(np.array([flag], np.int32)).any())


def check(interrupt: Interrupt) -> None:
    """Raise PreemptedError in all processes once any has got a signal. All must call it."""
    if any_of(interrupt.signal is not None):
        interrupt.check()
        raise errors.PreemptedError("stopped by a signal to another process")


def merged(values: dict[str, Any]) -> dict[str, Any]:
    """Merge the JSON objects of all processes, in each of them."""
    text = np.frombuffer(json.dumps(values).encode(), np.uint8)
    lengths = concatenated(np.array([len(text)], np.int32))
    padded = np.zeros(lengths.max(), np.uint8)
    padded[: len(text)] = text
    rows = concatenated(padded).reshape(len(lengths), -1)
    out: dict[str, Any] = {}
    for row, length in zip(rows, lengths, strict=True):
        out |= json.loads(row[:length].tobytes())
    return out


def decided(decide: Callable[[], Any]) -> Any:
    """Return in all processes what `decide` returns (JSON) or raises (UserError) in process 0."""
    if jax.process_count() == 1:
        return decide()
    answer: dict[str, Any] = {}
    if jax.process_index() == 0:
        try:
            answer = {"value": decide()}
        except errors.UserError as e:
            answer = {"kind": type(e).__name__, "text": str(e)}
    answer = merged(answer)
    if "kind" in answer:
        error = getattr(errors, answer["kind"], errors.UserError)(answer["text"])
        error.shared = True
        raise error
    return answer["value"]
