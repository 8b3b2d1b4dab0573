"""A loss that is no longer finite stops the run, or takes it back past what led to it."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from inception_jax import checkpoint
from inception_jax.writer import read_lines
from tests.conftest import FLAGS, ROOT
from tests.faults import runs

pytestmark = pytest.mark.faults
BATCH, IMAGES = 96, 1437


def poisoned(workdir, poison, *more):
    """A run whose loss is NaN whenever image `poison` is in the batch; its exit code."""
    env = {**os.environ, "XLA_FLAGS": FLAGS, "PYTHONPATH": str(ROOT)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    words = [sys.executable, "-m", "tests.faults.poisoned", str(poison), f"{workdir}.indices"]
    words += ["train", *runs.SMALL, f"--workdir={workdir}", *more]
    done = subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def batches(workdir):
    """The indices of each batch that the device was given, in all attempts."""
    return [json.loads(line) for line in open(f"{workdir}.indices")]


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """A run that nothing happened to, and its batches."""
    workdir = tmp_path_factory.mktemp("runs") / "calm"
    code, said = poisoned(workdir, -1)
    assert code == 0, said
    return batches(workdir)


def test_a_rate_that_is_too_high_stops_with_65(tmp_path):
    """Within a step: exit 65, what to change, the examples' names; no poisoned state is saved."""
    workdir = tmp_path / "run"
    high = ("--config.optim.lr=1e30", "--config.optim.clip=0", "--config.optim.warmup_epochs=0")
    process = runs.start(workdir, *high)
    assert runs.codes([process]) == [65]
    said = runs.said(workdir)
    assert "expected finite numbers" in said and "Lower optim.lr" in said
    assert "Traceback" not in said
    for step in (int(p.name) for p in (workdir / "checkpoints").iterdir() if p.name.isdigit()):
        _, tree = checkpoint.load(workdir, step)
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(tree))


def test_stops_within_a_step_and_names_the_examples(calm, tmp_path):
    """NaN at step k: exit 65, no checkpoint from k on, the ids of its examples in a file."""
    workdir, poison = tmp_path / "run", calm[21][0]  # of step 22
    first = 1 + next(i for i, batch in enumerate(calm) if poison in batch)
    code, said = poisoned(workdir, poison)
    assert code == 65 and f"step {first}: loss nan" in said
    assert runs.newest(workdir) == first - 1
    saved = [int(p.name) for p in (workdir / "checkpoints").iterdir() if p.name.isdigit()]
    assert max(saved) < first
    dump = json.loads((workdir / "diverged" / f"step-{first}.json").read_text())
    assert [row["index"] for row in dump["examples"]] == calm[first - 1]
    assert len(batches(workdir)) <= first + 1, "at most one step was begun after it"


def test_rollback_skips_the_batches_that_led_to_it(calm, tmp_path):
    """Back to the last checkpoint, on with the batch after the bad one; it is on record.

    The run ends with 0 after as many steps as ever, killed once on its way.
    """
    workdir = tmp_path / "run"
    index = next(i for i in calm[21] if all(i not in batch for batch in calm[:21]))
    words = ("--config.train.on_divergence=rollback", "--config.train.rollbacks=9")
    code, said = poisoned(workdir, index, *words)
    assert code == 0, said
    lines = read_lines(workdir / "rollbacks.jsonl")
    first = lines[0]
    assert first["step"] == 22 and first["to"] == max(s for s in range(22) if s in saves(said, s))
    taken = batches(workdir)
    # Steps 1 to 22 (and perhaps 23, which was begun), then the batch after the bad one.
    after = taken.index(calm[22], 23) if taken[22] == calm[22] else 22
    assert taken[after : after + 5] == calm[22:27]
    assert [x["step"] for x in runs.lines(workdir) if x["split"] == "train"] == [*range(1, 61)]
    assert all(np.isfinite(x["loss"]) for x in runs.lines(workdir))
    assert "rollback 1 of at most 9: to step" in said


def saves(said, step):
    """Steps that are saved: every third of an epoch, of 1437 images in batches of 96."""
    per = IMAGES / BATCH * 0.3334
    return [s for s in range(1, 61) if s == 1 or int(s / per + 1e-9) > int((s - 1) / per + 1e-9)]


def test_rollback_lowers_the_rate(tmp_path):
    """A rate that is too high is multiplied by the factor until the run gets through."""
    workdir = tmp_path / "run"
    process = runs.start(
        workdir, "--config.optim.lr=1e30", "--config.optim.clip=0",
        "--config.optim.warmup_epochs=0", "--config.train.on_divergence=rollback",
        "--config.train.rollback_factor=1e-32", "--config.checkpoint.every_epochs=0.01",
    )  # fmt: skip
    code = runs.codes([process])
    rows = read_lines(workdir / "rollbacks.jsonl")
    assert rows and rows[0]["factor"] == 1e-32
    assert code == [0], (runs.said(workdir)[-2000:], rows)


def test_rollbacks_end(calm, tmp_path):
    """After `train.rollbacks` of them, or without an older checkpoint: 65, and why."""
    workdir = tmp_path / "run"
    process = runs.start(
        workdir, "--config.optim.lr=1e30", "--config.optim.clip=0",
        "--config.optim.warmup_epochs=0", "--config.train.on_divergence=rollback",
    )  # fmt: skip
    assert runs.codes([process]) == [65]
    said = runs.said(workdir)
    assert "no older checkpoint" in said or "went back 3 times" in said
