"""What the training loop costs over calling its jitted step on batches that lie in memory.

    python experiments/loop_overhead.py [--config=configs/digits.py] [--steps=100] [--rounds=5]

Both run in turn, the whole loop with its input, metrics file and progress bar; the figure is the
median over rounds of (loop time / step time - 1). Prints one JSON line.
"""

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from pathlib import Path

import jax

from inception_jax import mesh as meshes
from inception_jax import runtime, train
from inception_jax.checkpoint import Checkpoints
from inception_jax.interrupt import Interrupt
from inception_jax.job import Job

WARM = 10  # steps at the start of the loop that are not counted: the pipeline fills


def load(page: str):
    """The config of a page, with an optional argument after a colon."""
    path, _, arg = page.partition(":")
    spec = importlib.util.spec_from_file_location("page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(arg)


def bare(step, state, batches, count: int) -> float:
    """Seconds a step of the jitted function alone."""
    state = jax.tree.map(lambda x: x.copy(), state)
    jax.block_until_ready(state)
    started = time.perf_counter()
    for i in range(count):
        state, metrics = step(state, batches[i % len(batches)])
    jax.block_until_ready((state, metrics))
    return (time.perf_counter() - started) / count


def looped(job, step, state, count: int) -> float:
    """Seconds a step of the loop, from its tenth step to its last."""
    stamps = []

    def stamped(*args):
        stamps.append(time.perf_counter())
        return step(*args)

    job.train_step = lambda: stamped
    job.due = lambda *_: False
    job.total = count + WARM
    with tempfile.TemporaryDirectory() as folder, Interrupt() as interrupt:
        saves = Checkpoints(Path(folder) / "checkpoints", keep=1)
        loop = train.Loop(job, Path(folder), saves, interrupt, {})
        loop.run(jax.tree.map(lambda x: x.copy(), state), 0, None)
        ended = time.perf_counter()
        saves.close()
    return (ended - stamps[WARM]) / count


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="configs/digits.py")
    parser.add_argument("--data_dir", default="")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    a = parser.parse_args()
    runtime.start()
    config = load(a.config)
    config.data.dir = a.data_dir
    job = Job(config)
    state, step = job.fresh_state(), job.train_step()
    _, feed = job.batches(0)
    placed = meshes.batch(job.mesh)
    batches = [
        meshes.put({k: b[k] for k in ("image", "label")}, placed)
        for b, _ in zip(feed, range(8), strict=False)
    ]
    bare(step, state, batches, 3)  # compiles
    pairs = [
        (bare(step, state, batches, a.steps), looped(job, step, state, a.steps))
        for _ in range(a.rounds)
    ]
    overhead = [loop / alone - 1 for alone, loop in pairs]
    result = {
        "config": a.config,
        "step_ms": statistics.median(p[0] for p in pairs) * 1e3,
        "loop_ms": statistics.median(p[1] for p in pairs) * 1e3,
        "overhead": statistics.median(overhead),
        "rounds": [round(x, 4) for x in overhead],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
