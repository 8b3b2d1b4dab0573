"""Seconds of `inception-jax explain` for one photograph and for two, after a first command.

    python experiments/explain/seconds.py PHOTO [--workdir=RUN] [--rounds=3]

Without RUN the network is Inception-v3 with random weights, for which 16 integrated gradients are
enough; the fine-tuned Xception took 24 to 72. Training images are not searched.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inception_jax import checkpoint, models
from inception_jax.weights.import_weights import run_config
from inception_jax.workdir import atomic, class_names, run_dir


def write(run: Path) -> None:
    """A run of Inception-v3 with random weights."""
    model = models.create("inception_v3", num_classes=1000)
    checkpoint.write(run, models.init(model, seed=0))
    class_names.write(run, [f"class {i}" for i in range(1000)])
    atomic.write_text(run / "config.json", json.dumps(run_dir.plain(run_config(model))))


def seconds(run: Path, photographs: list[Path]) -> tuple[float, list[str]]:
    """How long the command takes, and what it prints of integrated gradients."""
    words = ["explain", *map(str, photographs), f"--workdir={run}", "--nearest=0"]
    command = [sys.executable, "-m", "inception_jax", *words]
    began = time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - began, [x for x in out.splitlines() if "gradients," in x]


def main() -> None:
    """Measures, and prints each round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--workdir", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run, copy = a.workdir or Path(folder, "run"), Path(folder, "copy.jpg")
        if not a.workdir:
            write(run)
        copy.write_bytes(a.photograph.read_bytes())
        first, found = seconds(run, [a.photograph])
        print(f"first: {first:.1f} s\n{found[0]}", flush=True)
        rounds = []
        for _ in range(a.rounds):
            one, two = (seconds(run, p)[0] for p in ([a.photograph], [a.photograph, copy]))
            rounds.append((one, two - one))
            print(f"one photograph {one:.1f} s, a second one {two - one:.1f} s", flush=True)
        one, more = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"median: one photograph {one:.1f} s, a second one in the command {more:.1f} s")


if __name__ == "__main__":
    main()
