"""Measure a CIFAR-10 train step on a CPU: plain XLA, our pool and 1x1, huge pages, devices.

    python experiments/cpu_step.py [--width=0.25] [--rounds=3]

Each variant runs in its own process, in turn, `rounds` times, on random images. Prints a line
of JSON a variant: median images/s and CPU milliseconds a step, and page faults a step.
"""

import argparse
import functools
import json
import os
import resource
import statistics
import subprocess
import sys
import time

HUGE = "glibc.malloc.hugetlb=1"
VARIANTS = {
    # name: (our operations, GLIBC_TUNABLES, devices)
    "plain XLA": (False, "", 1),
    "plain XLA, huge pages": (False, HUGE, 1),
    "ours": (True, "", 1),
    "ours, huge pages": (True, HUGE, 1),
    "ours, huge pages, 2 devices": (True, HUGE, 2),
}


def use_plain_operations() -> None:
    """Uses the default implementation of every operation instead of the CPU's."""
    from jax import lax

    def default(*args, cpu, default):
        del cpu
        return default(*args)

    lax.platform_dependent = default


def measure(width: float, ours: bool, steps: int = 12) -> dict[str, float]:
    """One process's figures: medians over the steps after two of warm-up."""
    import jax
    import numpy as np

    if not ours:
        use_plain_operations()
    from inception_jax.cli import pages
    from inception_jax.runtime import mesh as meshes
    from inception_jax.train.program import Program

    job = Program(pages.load(f"configs/cifar10.py:width={width}"), images=50_000)
    state, step = job.fresh_state(), job.train_step
    rng, count = np.random.default_rng(0), job.config.data.batch_size
    batch = {
        "image": rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8),
        "label": rng.integers(0, 10, count, dtype=np.int32),
    }
    batch = meshes.put(batch, meshes.batch(job.mesh))
    wall, cpu = [], []
    for i in range(steps + 2):
        if i == 2:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        started, used = time.perf_counter(), time.process_time()
        state, metrics = step(state, batch)
        jax.block_until_ready(metrics)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / steps
    return {
        "images_per_s": count / statistics.median(wall[2:]),
        "cpu_ms": statistics.median(cpu[2:]) * 1e3,
        "page_faults": faults,
    }


def run(width: float, name: str) -> dict[str, float]:
    """Runs `measure` in a process."""
    ours, tunables, devices = VARIANTS[name]
    env = {
        **os.environ,
        "GLIBC_TUNABLES": tunables,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": os.getcwd(),
    }
    words = [sys.executable, __file__, "--width", str(width), "--only", "ours" if ours else "plain"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["ours", "plain"])
    a = parser.parse_args()
    if a.only:
        print(json.dumps(measure(a.width, a.only == "ours")))
        return
    found = {name: [] for name in VARIANTS}
    for _ in range(a.rounds):
        for name, results in found.items():
            results.append(run(a.width, name))
    for name, results in found.items():
        median = functools.partial(
            lambda rows, key: statistics.median(r[key] for r in rows), results
        )
        row = {key: round(median(key)) for key in results[0]}
        print(json.dumps({"variant": name, "width": a.width, **row}))


if __name__ == "__main__":
    main()
