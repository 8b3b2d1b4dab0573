"""Measure the time from `inception-jax train` to its first step, cold and warm.

    python experiments/startup.py [--config=configs/digits.py] [--rounds=3]

Each start is a process that is stopped after its first step; the compilation cache is a fresh
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
from collections.abc import Mapping, Sequence
from pathlib import Path


def seconds(page: Path | str, workdir: Path, cache: Path, more: Sequence[str] = ()) -> float:
    """Seconds from the start of the command to its log line of the first step; then stops it.

    Args:
        page: of the config.
        workdir: of the run; a new one.
        cache: of compiled programs.
        more: flags of the command.

    Raises:
        RuntimeError: the command ended before its first step; the message has its last lines.
    """
    command = [sys.executable, "-m", "inception_jax", "train"]
    command += [f"--config={page}", f"--workdir={workdir}", *more]
    began, lines = time.perf_counter(), []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=with_cache(cache),
                          stdout=subprocess.DEVNULL) as run:  # fmt: skip
        assert run.stderr is not None  # a pipe
        for line in run.stderr:
            lines.append(line)
            if "first step after" in line:
                taken = time.perf_counter() - began
                run.send_signal(signal.SIGTERM)
                run.communicate()
                return taken
    raise RuntimeError(f"{' '.join(command)} ended before its first step:\n{''.join(lines[-12:])}")


def with_cache(folder: Path) -> Mapping[str, str]:
    """This environment, with another folder for compiled programs."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it makes every import slow
    return environment


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
