"""How long `inception-jax train` takes to its first step, with nothing compiled yet and again.

    python experiments/startup.py [--config=configs/digits.py] [--rounds=3]

Each start is a process of its own, stopped after its first step; the compilation cache is a fresh
folder for each round. Prints one JSON line: median seconds, cold and warm, and every round's.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from inception_jax.bench.startup import seconds


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="configs/digits.py")
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    rounds = []
    for _ in range(a.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            runs = (folder / "cold", folder / "warm")
            rounds.append([seconds(a.config, run, folder / "cache") for run in runs])
    cold, warm = (statistics.median(x) for x in zip(*rounds, strict=True))
    found = {"cold_s": round(cold, 1), "warm_s": round(warm, 1)}
    print(json.dumps({**found, "rounds": [[round(x, 1) for x in r] for r in rounds]}))


if __name__ == "__main__":
    main()
