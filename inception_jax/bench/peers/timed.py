"""A step with a clock: the flags and the timing that the peers' `*_step` scripts share.

They find this file beside them: the interpreter that runs them need not have this package.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

WARM = 2  # steps that are not timed: the compiler, and the first use of everything


def asked(doc: str | None, model: str) -> argparse.Namespace:
    """What the command line asks for; `model` if it names none."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--model", default=model)
    parser.add_argument("--mode", choices=["train", "eval"], default="train")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--steps", type=int, default=5)
    return parser.parse_args()


def rate(step: Callable[[], Any], given: argparse.Namespace) -> float:
    """Images/s by the median of the timed steps, each of which waits for its device."""
    times = []
    for _ in range(WARM + given.steps):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return given.batch / statistics.median(times[WARM:])
