"""A sweep with fake runs: files with realistic numbers, without training."""

import json
import math
import random

from inception_jax import cli
from inception_jax.sweep import folder
from tests.sweep import pages

MORE_SWEEPS = """
def sweep_smoothing():
    for value in (0.0, 0.1):
        yield {"loss.label_smoothing": value}

def sweep_wide():
    for lr in (0.01, 0.03, 0.1, 0.3):
        yield {"optim.lr": lr}
"""
EPOCHS = 10


def write(tmp_path, names="wide,smoothing,seed", unfinished=0):
    """Write a grid's directory; the last `unfinished` trials are half done."""
    page = pages.write(tmp_path, MORE_SWEEPS)
    path = tmp_path / "sweep"
    words = [f"--config={page}", f"--sweep={names}", f"--dir={path}", "--json"]
    assert cli.main(["sweep", "expand", *words]) == 0
    trials = folder.read(path).trials()
    for trial in trials:
        done = trial.index < len(trials) - unfinished
        run(trial.folder, trial.overrides, EPOCHS if done else EPOCHS // 2, done)
    return path


def final(overrides):
    """The final accuracy of a trial: it depends most on the learning rate, least on the seed."""
    lr = overrides.get("optim.lr", 0.1)
    peak = 0.80 - 0.12 * math.log10(lr / 0.08) ** 2
    noise = random.Random(json.dumps(overrides)).gauss(0, 0.004)
    return peak + 0.15 * overrides.get("loss.label_smoothing", 0.0) + noise


def finish(path, overrides):
    """Write a finished run."""
    run(path, overrides, EPOCHS, True)


def run(path, overrides, epochs, done):
    """Write the files of a run."""
    path.mkdir(parents=True, exist_ok=True)
    config = {"train": {"epochs": float(EPOCHS)}, "eval": {"split": "test"}}
    (path / "config.json").write_text(json.dumps(config))
    start, top1 = 1.7e9, final(overrides)
    lines = [
        {"step": 10 * e, "epoch": float(e), "split": "test", "time": start + 60 * e, "count": 1000,
         "top1": top1 * (1 - math.exp(-0.5 * e)), "loss": 2.3 - 1.5 * (1 - math.exp(-0.5 * e))}
        for e in range(1, epochs + 1)
    ]  # fmt: skip
    (path / "metrics.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    attempt = [{"event": "start", "time": start, "step": 0, "host": "n1", "pid": 7}]
    if done:
        end = {"event": "end", "time": start + 700, "step": 10 * epochs, "code": 0}
        attempt.append(end)
        (path / "DONE").write_text("")
    (path / "attempts.jsonl").write_text("".join(json.dumps(x) + "\n" for x in attempt))
