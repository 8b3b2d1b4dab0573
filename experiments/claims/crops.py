"""Evaluates a claim's networks with several crops, alone and in ensembles."""

import json
import subprocess
import sys
from pathlib import Path

from declare import Claim

from inception_jax.eval.protocols import COUNTS
from inception_jax.sweep import folder


def evaluate(claim: Claim, sweep: Path) -> dict[str, list[float]]:
    """Top-1 by `CROPS x NETWORKS`: of each network, of each three in a row, and of all.

    What is evaluated once is kept beside its checkpoint, and ensembles take it from there.
    """
    runs = [str(trial.folder) for trial in folder.read(sweep).trials()]
    count = len(runs)
    groups = {n: [[runs[(i + j) % count] for j in range(n)] for i in range(count)] for n in (1, 3)}
    groups[count] = [runs]
    return {
        f"{COUNTS[crops]} x {n}": [_top1(group, crops) for group in groups[n]]
        for crops in claim.crops
        for n in groups
    }


def _top1(runs: list[str], crops: str) -> float:
    first, *others = runs
    words = ["eval", f"--workdir={first}", f"--protocol={crops}", "--json"]
    words += [f"--ensemble={','.join(others)}"] if others else []
    command = [sys.executable, "-m", "inception_jax", *words]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = json.loads(out)
    return found["ensemble"]["top1"] if others else found["top1"]
