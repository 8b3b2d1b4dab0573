r"""Measure the overhead of a sweep for each trial over its `train` command.

    python experiments/sweep_overhead.py --trials=4 --rounds=3
    SLURM_CONF=DIR/slurm.conf python experiments/sweep_overhead.py --on=slurm

Runs the trials' commands in sequence, then the same trials as a grid and as a search, one at a
time; in each round again, in changing order. The difference is the sweep's: building and checking
configs, starting and watching trials; locally also the report, once. Under SLURM it includes the
scheduler's waiting.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = "configs/digits.py:epochs=2.0,width=0.125"
SHARED = [f"--config={PAGE}", "--config.log.tensorboard=false"]
SWEEPS = """
from inception_jax.cli import pages

def get_config(arg=""):
    return pages.load("{page}")

def sweep_seed():
    for seed in range({trials}):
        yield {{"seed": seed}}

def search(trial):
    return {{"optim.lr": trial.suggest_float("lr", 0.01, 1.0, log=True)}}
"""


def timed(*words: str) -> float:
    """Seconds of an `inception-jax` command."""
    began = time.monotonic()
    command = [sys.executable, "-m", "inception_jax", *words]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def bare(folder: Path, page: Path, trials: int, on: str) -> float:
    """The commands alone."""
    return sum(
        timed("train", *SHARED, f"--config.seed={seed}", f"--workdir={folder}/{seed}")
        for seed in range(trials)
    )


def grid(folder: Path, page: Path, trials: int, on: str) -> float:
    """The same trials as a grid."""
    return launched(folder, page, on, "--sweep=seed", "--at_once=1")


def search(folder: Path, page: Path, trials: int, on: str) -> float:
    """As many trials as a search with one worker."""
    return launched(folder, page, on, "--search", f"--trials={trials}")


def launched(folder: Path, page: Path, on: str, *words: str) -> float:
    """Seconds of a sweep, from the command to the end of its last trial."""
    began = time.monotonic()
    timed("sweep", "launch", f"--on={on}", f"--config={page}", f"--dir={folder}", *words,
          "--config.log.tensorboard=false")  # fmt: skip
    if on == "slurm":  # there the report is a job of its own
        job = json.loads((folder / "jobs.jsonl").read_text())["job"]
        while subprocess.check_output(["squeue", "--noheader", f"--jobs={job}"]):
            time.sleep(0.1)
    return time.monotonic() - began


def main() -> None:
    """Prints seconds a trial, and the overhead of the sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on", choices=["local", "slurm"], default="local")
    given = parser.parse_args()
    ways = [bare, grid, search]
    orders = itertools.cycle(itertools.permutations(ways))
    found: dict[str, list[float]] = {way.__name__: [] for way in ways}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "page.py"
        page.write_text(SWEEPS.format(page=PAGE, trials=given.trials))
        bare(folder / "warm", page, 1, given.on)  # fills the compilation cache
        for round_ in range(given.rounds):
            for way in next(orders):
                seconds = way(folder / f"{way.__name__}{round_}", page, given.trials, given.on)
                found[way.__name__].append(seconds / given.trials)
                print(
                    f"round {round_ + 1}: {way.__name__:6} {found[way.__name__][-1]:6.2f} s a trial"
                )
    for name in ("grid", "search"):
        over = [a - b for a, b in zip(found[name], found["bare"], strict=True)]
        between = f"{min(over):+.2f} to {max(over):+.2f}, {given.rounds} rounds of {given.trials}"
        print(f"{name} on {given.on}: {statistics.median(over):+.2f} s a trial ({between})")


if __name__ == "__main__":
    main()
