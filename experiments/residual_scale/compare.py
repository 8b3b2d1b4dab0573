"""Residual scales 1 and 0.1 at a high rate: which layers die, and which monitor shows it.

    python experiments/residual_scale/compare.py [--scales=1.0,0.1] [--seeds=0] [--lr=0.5]

Trains where there is no run yet (a minute or two each on two CPU cores), prints the monitors'
values for the last module before the average pooling, and writes report.html.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from inception_jax import report
from inception_jax.workdir import jsonl

HERE = Path(__file__).resolve().parent
STEPS = (1, 5, 9, 13, 17, 25, 57, 113)
CONFIG = {
    "model.name": "inception_resnet_v1",
    "model.dialect": "paper",
    "model.width": 0.125,
    "model.dropout": 0.2,
    "optim.clip": 0.0,  # clipping would hold the failure back
    "train.epochs": 5.0,
    "eval.every_epochs": 5.0,
    "checkpoint.every_epochs": 5.0,
    "log.every_steps": 2,
    "log.monitors": "true",
    "log.tensorboard": "false",
}


def train(run: Path, **changes: float) -> None:
    """The digits page's task with another network, unless the run is there; it may diverge."""
    flags = CONFIG | {k.replace("__", "."): v for k, v in changes.items()}
    words = [sys.executable, "-m", "inception_jax", "train", "--config=configs/digits.py"]
    words += [f"--config.{key}={value}" for key, value in flags.items()]
    if not run.exists():
        subprocess.run([*words, f"--workdir={run}"], cwd=HERE.parent.parent)


def table(run: Path, block: str = "block8_5") -> None:
    """Loss and monitors of one block at some of the written steps."""
    lines = jsonl.read(run / "metrics.jsonl")
    train = {x["step"]: x for x in lines if x["split"] == "train"}
    noted = {x["step"]: x for x in lines if x["split"] == "monitors"}
    print(f"\n{run.name}\n\n| step | loss | residual/backbone | silent channels | its gradient |")
    print("|---|---|---|---|---|")
    for step in sorted({min(noted, key=lambda s: abs(s - at)) for at in STEPS}):
        numbers = noted[step]
        print(
            f"| {step} | {train[step]['loss']:.3g} | {numbers['residual_ratio'][block]:.2f} "
            f"| {numbers['dead_relu'][block]:.0%} | {numbers['grad_norm'][block]:.2g} |"
        )
    test = [x for x in lines if x["split"] == "test"]
    print(f"\ntest top-1 {test[-1]['top1']:.1%}" if test else "\nno evaluation: it diverged")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", default="1.0,0.1")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--lr", type=float, default=0.5)
    options = parser.parse_args()
    runs = []
    for seed in map(int, options.seeds.split(",")):
        for scale in map(float, options.scales.split(",")):
            name = f"scale-{scale:g}" + (f"-seed-{seed}" if seed else "")
            runs.append(HERE / "run" / name)
            train(runs[-1], seed=seed, optim__lr=options.lr, model__residual_scale=scale)
    for run in runs:
        table(run)
    print(f"\n{report.write(runs, HERE / 'run' / 'report.html')}")


if __name__ == "__main__":
    main()
