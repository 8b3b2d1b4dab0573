"""Measure a train step of small images on a CPU: each form, memory, devices; or networks' shapes.

    python experiments/cpu_step.py [--config=PAGE[:ARGUMENT]] [--rounds=3]
    python experiments/cpu_step.py --shapes [--rounds=3]

Each variant runs in its own process, in turn, `rounds` times, on random images. Prints a line of
JSON a variant: of its fastest step, images/s, useful GFLOP/s (the convolutions and dense layers of
the forward pass three times), the same for each core by the processor time used, which is to be
read where other programs run beside it, and page faults a step.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

PAGE = "configs/cifar10.py"
HUGE = "glibc.malloc.hugetlb=1"
# Memory that was freed is kept: neither returned to the system nor taken from it by `mmap`.
KEPT = ":glibc.malloc.".join((HUGE, "mmap_max=0", "trim_threshold=8589934592", "arena_max=1"))
MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
VARIANTS = {
    # name: (our operations, GLIBC_TUNABLES, devices)
    "plain XLA": (False, "", 1),
    "plain XLA, huge pages": (False, HUGE, 1),
    "ours": (True, "", 1),
    "ours, huge pages": (True, HUGE, 1),
    "ours, huge pages, kept": (True, KEPT, 1),
    "ours, huge pages, 2 devices": (True, HUGE, 2),
    "ours, huge pages, kept, 2 devices": (True, KEPT, 2),
}
SHAPES = (
    # (width, GoogLeNet's modules, images a batch)
    (0.5, "3b 4a 4e 5b", 128),
    (0.5, "3b 4a 4e 5b", 256),
    (0.5, "3b 4a 4e 5b", 512),
    (0.75, "3b 4a 4e 5b", 256),
    (1.0, "3b 4a 4e 5b", 256),
    (0.75, "3b 4e", 256),
    (0.75, "3b 4e 5b", 256),
    (0.75, "3b 4a 4e", 256),
    (0.75, "4a 4e 5b", 256),
    (0.5, " ".join(MODULES), 256),
)


def measure(a: argparse.Namespace) -> dict[str, float]:
    """One process's figures: of the fastest of the steps after two of warm-up."""
    import jax
    import numpy as np

    from inception_jax.cli import pages
    from inception_jax.models.describe import describe
    from inception_jax.models.lowering import forms
    from inception_jax.runtime import mesh as meshes
    from inception_jax.train import augmentation
    from inception_jax.train.program import Program

    page = pages.load(a.config)
    if a.modules:
        dropped = [f"inception_{m}" for m in MODULES if m not in a.modules.split()]
        page.model.drop_rows = tuple(dropped)
    with forms.without(*(["platform"] if a.plain else [])):
        job = Program(page, images=50_000)
        state, step = job.fresh_state(), job.train_step
        count, size = page.data.batch_size, page.data.image_size
        rng = np.random.default_rng(0)
        batch = {key: np.zeros(count, np.int32) for key in augmentation.inputs(page.augment)} | {
            "image": rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8),
            "label": rng.integers(0, page.data.classes, count, dtype=np.int32),
        }
        batch = meshes.put(batch, meshes.batch(job.mesh))
        wall, cpu, before = [], [], 0
        for i in range(a.steps + 2):
            if i == 2:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            started, used = time.perf_counter(), time.process_time()
            state, metrics = step(state, batch)
            jax.block_until_ready((state, metrics))
            wall.append(time.perf_counter() - started)
            cpu.append(time.process_time() - used)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    described = describe(job.model, size)
    return {
        "macs": described.macs,
        "params": described.params,
        "images": count,
        "wall": min(wall[2:]),
        "cpu": min(cpu[2:]),
        "page_faults": faults / a.steps,
    }


def run(words: list[str], variant: str) -> dict[str, float]:
    """Runs `measure` in a process."""
    ours, tunables, devices = VARIANTS[variant]
    env = {
        **os.environ,
        "GLIBC_TUNABLES": tunables,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": os.getcwd(),
    }
    words = [sys.executable, __file__, "--measure", *words, *([] if ours else ["--plain"])]
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def summary(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The figures of several processes as one line's."""
    best = {key: min(r[key] for r in rounds) for key in rounds[0]}
    flop = 6 * best["macs"] * best["images"] / 1e9
    return {
        "macs_m": round(best["macs"] / 1e6, 1),
        "params_m": round(best["params"] / 1e6, 2),
        "batch": round(best["images"]),
        "images_per_s": round(best["images"] / best["wall"]),
        "gflop_per_s": round(flop / best["wall"], 1),
        "cpu_ms": round(best["cpu"] * 1e3),
        "gflop_per_s_core": round(flop / best["cpu"], 1),
        "page_faults": round(best["page_faults"]),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default=PAGE)
    parser.add_argument("--modules", default="", help="GoogLeNet's modules, as '3b 4e'")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", action="store_true", help="other widths, modules, batches")
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.measure:
        print(json.dumps(measure(a)))
        return
    cases = {name: (_words(a, a.config, a.modules), name) for name in VARIANTS}
    if a.shapes:
        cases = {
            f"width {width}, {modules}, {batch}": (
                _words(a, f"{PAGE}:width={width},batch={batch}", modules),
                "ours, huge pages, kept, 2 devices",
            )
            for width, modules, batch in SHAPES
        }
    found = {name: [] for name in cases}
    for _ in range(a.rounds):
        for name, results in found.items():
            results.append(run(*cases[name]))
    for name, results in found.items():
        print(json.dumps({"variant": name, **summary(results)}))


def _words(a: argparse.Namespace, config: str, modules: str) -> list[str]:
    return ["--config", config, "--modules", modules, "--steps", str(a.steps)]


if __name__ == "__main__":
    main()
