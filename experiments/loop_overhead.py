"""Measure the overhead of the training loop over its jitted step on the same batches.

    python experiments/loop_overhead.py [--config=configs/digits.py] [--steps=20] [--rounds=24]

The same steps in three ways, in short rounds and in changing order, so that slow periods of the
machine affect all: the step alone, on batches in memory; the whole loop, with its
metrics file and progress lines, on the same batches; and the loop with its input, whose threads
share the cores of a CPU with the step. The figures are medians over rounds of (seconds a step /
seconds of the step alone - 1), each with the 95% interval of that median (bootstrap). Prints one
JSON line.
"""

import argparse
import copy
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inception_jax.checkpoint import Checkpoints
from inception_jax.cli import pages
from inception_jax.progress import Progress
from inception_jax.runtime import startup
from inception_jax.runtime.signals import Interrupt
from inception_jax.runtime.watchdog import Watchdog
from inception_jax.train.compiled_steps import CompiledSteps
from inception_jax.train.early_stop import EarlyStop
from inception_jax.train.loop import Loop
from inception_jax.train.profile import Trace
from inception_jax.train.sharded_step import RUN
from inception_jax.train.stages import Stage
from inception_jax.train.timekeeper import Timekeeper
from inception_jax.train.trainer import build
from inception_jax.workdir.run_dir import RunDir

WARM = 5  # uncounted steps at the start of a round, while the pipeline fills
BATCHES = 8  # in memory


class Timed:
    """The jitted step, with a clock that starts when the warm-up calls have finished."""

    def __init__(self, step):
        self.step, self.calls = step, 0

    def __call__(self, state, batch):
        """One step."""
        if self.calls == WARM:
            jax.block_until_ready(state)  # calls return before their work is done
            self.began = time.perf_counter()
        self.calls += 1
        self.last = self.step(state, batch)
        return self.last

    def seconds(self) -> float:
        """Waits for the last call; returns seconds a call."""
        jax.block_until_ready(self.last)
        return (time.perf_counter() - self.began) / (self.calls - WARM)


def idle():
    """Does nothing while the input waits."""


def bare(step, state, batches, count: int) -> float:
    """Seconds a step of the jitted function alone."""
    timed = Timed(step)
    for i in range(count + WARM):
        state, _ = timed(state, batches[i % len(batches)])
    return timed.seconds()


def looped(trainer, step, state, count: int, batches=None) -> float:
    """Seconds a step of the loop, on `batches`, or on its own input."""
    timed = Timed(step)
    trainer.program = copy.copy(trainer.program)
    trainer.program.train_step = timed
    trainer.compiled = CompiledSteps(trainer.program)
    trainer.stages = (Stage(1, count + WARM, trainer.config.data.image_size),)
    trainer.due = lambda *_: False
    if batches:
        trainer.batches = lambda *_: itertools.cycle(batches)
    with (
        tempfile.TemporaryDirectory() as folder,
        Interrupt() as interrupt,
        Watchdog(trainer.config.train.watchdog, Path(folder) / "stacks.txt") as watchdog,
    ):
        saves = Checkpoints(Path(folder) / "checkpoints", keep=1)
        clock, bar = Timekeeper(time.monotonic(), watchdog), Progress(trainer.total)
        Loop(
            trainer, RunDir(Path(folder)), saves, interrupt, clock, {}, bar, Trace(Path(folder), 0),
            EarlyStop(0, trainer.total, {}), start=0, window=None,
        ).run(state)  # fmt: skip
        seconds = timed.seconds()
        saves.close()
    return seconds


def interval(values, draws: int = 10_000) -> list[float]:
    """The 95% bootstrap interval of the median."""
    picks = np.random.default_rng(0).choice(values, (draws, len(values)))
    return np.percentile(np.median(picks, axis=1), (2.5, 97.5)).tolist()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="configs/digits.py")
    parser.add_argument("--data_dir", default="")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=24)
    a = parser.parse_args()
    startup.start()
    config: Any = pages.load(a.config)
    config.data.dir = a.data_dir
    trainer = build(config)
    kept, step = trainer.program.fresh_state(), trainer.program.train_step
    trainer.stages = (Stage(1, BATCHES, config.data.image_size),)
    batches = list(trainer.batches(trainer.reader(), 0, idle))
    on_device = [trainer.placed(b, RUN, 1) for b in batches]

    def fresh():
        return jax.block_until_ready(jax.tree.map(lambda x: x.copy(), kept))

    bare(step, fresh(), on_device, 1)  # compiles
    ways = {
        "step": lambda: bare(step, fresh(), on_device, a.steps),
        "loop": lambda: looped(copy.copy(trainer), step, fresh(), a.steps, batches),
        "loop and input": lambda: looped(copy.copy(trainer), step, fresh(), a.steps),
    }
    rounds = []
    for i in range(a.rounds):
        order = list(ways)[i % 3 :] + list(ways)[: i % 3]
        rounds.append({way: ways[way]() for way in order})
    result = {"config": a.config, "rounds": a.rounds}
    result["step_ms"] = round(1e3 * float(np.median([r["step"] for r in rounds])), 2)
    for way in ("loop", "loop and input"):
        over = np.array([r[way] / r["step"] - 1 for r in rounds])
        low, high = interval(over)
        result[way] = {
            "overhead": round(float(np.median(over)), 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
