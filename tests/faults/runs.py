"""Small real runs to disturb: a command line, a process of it, and what it has written."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

from inception_jax import checkpoint
from inception_jax.writer import read_lines
from tests.conftest import FLAGS, ROOT

# Dropout, colour and EMA are on: everything that could remember where it was.
SMALL = (
    "--config=configs/digits.py:epochs=3.0,width=0.125",
    "--config.data.image_size=8",
    "--config.data.batch_size=96",
    "--config.data.pad=1",
    "--config.data.colour=slim",
    "--config.data.flip=true",
    "--config.model.dropout=0.3",
    "--config.checkpoint.every_epochs=0.5",
    "--config.eval.every_epochs=1.0",
    "--config.log.every_steps=4",
    "--config.log.tensorboard=false",
)


def start(workdir, *more, log="out.txt"):
    """A training process in the background; what it prints is in WORKDIR.out.txt."""
    env = {**os.environ, "XLA_FLAGS": FLAGS}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    words = [sys.executable, "-m", "inception_jax", "train", *SMALL, *more, f"--workdir={workdir}"]
    with Path(f"{workdir}.{log}").open("a") as out:
        return subprocess.Popen(words, env=env, cwd=ROOT, stdout=out, stderr=out)


def finish(workdir, *more):
    """A training process run to its end; its exit code must be 0."""
    process = start(workdir, *more)
    assert process.wait(300) == 0, Path(f"{workdir}.out.txt").read_text()[-3000:]


def lines(workdir):
    """metrics.jsonl without what depends on the clock."""
    clock = ("time", "images_per_s", "input_wait")
    return [
        {k: v for k, v in line.items() if k not in clock}
        for line in read_lines(workdir / "metrics.jsonl")
    ]


def weights(workdir):
    """The newest checkpoint's step, and every array that it evaluates, as bytes by name."""
    step, tree = checkpoint.load(workdir)
    return step, {
        jax.tree_util.keystr(p): np.asarray(x).tobytes()
        for p, x in jax.tree_util.tree_leaves_with_path(tree)
    }
