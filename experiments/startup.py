"""How long `inception-jax train` takes to its first step, with nothing compiled yet and again.

    python experiments/startup.py [--config=configs/digits.py] [--rounds=3]

Each start is a process of its own, stopped after its first step; the compilation cache is a fresh
folder for each round. Prints one JSON line: median seconds, cold and warm, and every round's.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time


def seconds(config: str, folder: str, name: str) -> float:
    """From the call of the command to the line that says its first step is done."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": f"{folder}/cache"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "inception_jax", "train"]
    command += [f"--config={config}", f"--workdir={folder}/{name}"]
    began = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stderr is not None  # a pipe
        for line in run.stderr:
            if "first step after" in line:
                taken = time.perf_counter() - began
                run.send_signal(signal.SIGTERM)
                run.communicate()
                return taken
    raise SystemExit(f"{' '.join(command)} ended before its first step")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="configs/digits.py")
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    rounds = []
    for _ in range(a.rounds):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append([seconds(a.config, folder, name) for name in ("cold", "warm")])
    cold, warm = (statistics.median(x) for x in zip(*rounds, strict=True))
    found = {"cold_s": round(cold, 1), "warm_s": round(warm, 1)}
    print(json.dumps({**found, "rounds": [[round(x, 1) for x in r] for r in rounds]}))


if __name__ == "__main__":
    main()
