"""Tests that a non-finite loss stops the run, or rolls it back and skips its batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from inception_jax import checkpoint
from inception_jax.workdir import jsonl
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
    """The indices of each batch that was trained on, in all attempts."""
    return [json.loads(line) for line in Path(f"{workdir}.indices").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The batches of an undisturbed run."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    code, output = poisoned(workdir, -1)
    assert code == 0, output
    return batches(workdir)


def test_too_high_a_rate_stops_with_65(tmp_path):
    """Within a step: exit 65, what to change, no non-finite checkpoint."""
    workdir = tmp_path / "run"
    high = ("--config.optim.lr=1e30", "--config.optim.clip=0", "--config.optim.warmup_epochs=0")
    process = runs.start(workdir, *high)
    assert runs.exit_codes([process]) == [65]
    output = runs.output(workdir)
    assert "expected finite numbers" in output and "Lower optim.lr" in output
    assert "Traceback" not in output
    for step in (int(p.name) for p in (workdir / "checkpoints").iterdir() if p.name.isdigit()):
        _, tree = checkpoint.load(workdir, step)
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(tree))


def test_stops_within_a_step_and_lists_the_examples(undisturbed, tmp_path):
    """NaN at step k: exit 65, no checkpoint from k on, the ids of its examples in a file."""
    workdir, poison = tmp_path / "run", undisturbed[21][0]  # of step 22
    first = 1 + next(i for i, batch in enumerate(undisturbed) if poison in batch)
    code, output = poisoned(workdir, poison)
    assert code == 65 and f"step {first}: loss nan" in output
    assert runs.newest(workdir) == first - 1
    saved = [int(p.name) for p in (workdir / "checkpoints").iterdir() if p.name.isdigit()]
    assert max(saved) < first
    dump = json.loads((workdir / "diverged" / f"step-{first}.json").read_text())
    assert [row["index"] for row in dump["examples"]] == undisturbed[first - 1]
    assert len(batches(workdir)) <= first + 1, "at most one step was started after it"


def test_rollback_skips_the_batches_before_the_divergence(undisturbed, tmp_path):
    """Back to the last checkpoint, then the batch after the bad one; recorded in rollbacks.jsonl.

    The image occurs once per epoch: the run rolls back each time, and ends with 0 after the same
    number of steps.
    """
    workdir, poison = tmp_path / "run", undisturbed[11][0]  # of step 12
    words = ("--config.train.on_divergence=rollback", "--config.train.rollbacks=9")
    code, output = poisoned(workdir, poison, *words)
    assert code == 0, output
    rows = jsonl.read(workdir / "rollbacks.jsonl")
    assert (rows[0]["step"], rows[0]["to"], rows[0]["shift"]) == (12, 10, 2)
    assert 3 <= len(rows) <= 5
    # Steps 1 to 12, and perhaps 13, which had started; then the batch after the bad one.
    taken = batches(workdir)
    again = 13 if taken[12] == undisturbed[12] else 12
    assert taken[again : again + 5] == undisturbed[12:17]
    trained = [x for x in runs.lines(workdir) if x["split"] == "train"]
    assert [x["step"] for x in trained] == [*range(1, 61)]
    assert all(np.isfinite(x["loss"]) for x in trained)
    assert "rollback 1 of at most 9: to step 10, skipping the 2 batches after it" in output


# Weight decay of 10 a step: the weights grow tenfold until they are beyond float32.
GROWING = (
    "--config.optim.lr=2.5e5", "--config.optim.clip=0", "--config.optim.warmup_epochs=0",
    "--config.optim.schedule=constant", "--config.train.on_divergence=rollback", runs.LARGER,
)  # fmt: skip


def test_rollback_lowers_the_rate(tmp_path):
    """With a factor on the rate, the second try does not diverge."""
    workdir = tmp_path / "run"
    # Back to step 1: at step 5 the weights are so large that some batches overflow at any rate.
    early = ("--config.train.rollback_factor=1e-9", "--config.checkpoint.every_epochs=1.0")
    process = runs.start(workdir, *GROWING, *early)
    assert runs.exit_codes([process]) == [0], runs.output(workdir)[-2000:]
    (row,) = jsonl.read(workdir / "rollbacks.jsonl")
    rates = {x["step"]: x["lr"] for x in runs.lines(workdir) if x["split"] == "train"}
    assert rates[row["to"]] == pytest.approx(2.5e5)
    assert rates[row["to"] + 1] == pytest.approx(2.5e-4)


def test_rollbacks_end(undisturbed, tmp_path):
    """A run that diverges again and again ends with 65 and the number of rollbacks."""
    words = ("--config.train.on_divergence=rollback", "--config.train.rollbacks=2")
    code, output = poisoned(tmp_path / "run", undisturbed[11][0], *words)
    assert code == 65 and "The limit of train.rollbacks=2 is reached" in output
    assert len(jsonl.read(tmp_path / "run" / "rollbacks.jsonl")) == 2


def test_without_a_checkpoint_to_go_back_to(tmp_path):
    """Divergence in the first steps ends with 65: no checkpoint is saved from it."""
    workdir = tmp_path / "run"
    words = [w.replace("2.5e5", "1e38") for w in GROWING]
    process = runs.start(workdir, *words, "--config.loss.l2=0.5")
    assert runs.exit_codes([process]) == [65]
    assert "no older checkpoint to go back to" in runs.output(workdir)
