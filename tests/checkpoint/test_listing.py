"""Tests the rows of `ckpt ls`."""

import json
import time

import pytest

from inception_jax import cli
from inception_jax.workdir import run_dir
from tests import saved, tiny


@pytest.fixture
def run_with_metrics(run):
    """With the files that `ckpt ls` reads."""
    changes = {"keep": 1, "keep_best": 1, "keep_every_epochs": 1.0}
    config = tiny.digits(**{f"checkpoint__{key}": value for key, value in changes.items()})
    (run / "config.json").write_text(json.dumps(run_dir.plain(config)))
    line = {"step": 5, "epoch": 0.5, "time": 1.0, "split": "test", "top1": 0.75}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return run


def test_ls(run_with_metrics, capsys):
    """Step, epoch, size, top-1, why it is kept and what is known of its bytes."""
    assert cli.main(["ckpt", "ls", str(run_with_metrics), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["step"], r["epoch"], r["top1"], r["kept"], r["state"]) for r in rows] == [
        (5, 0.5, 0.75, "best", "unverified"),
        (10, 1.0, None, "interval", "unverified"),
        (15, 1.5, None, "newest", "unverified"),
    ]
    assert all(r["bytes"] > 700_000 and abs(r["time"] - time.time()) < 1e5 for r in rows)
    saved.flip(saved.array_file(run_with_metrics / "checkpoints" / "10"))
    (run_with_metrics / "checkpoints" / "5").rename(run_with_metrics / "checkpoints" / "bad-5")
    assert cli.main(["ckpt", "ls", str(run_with_metrics), "--verify"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4 and out[0].split()[:3] == ["step", "epoch", "saved"]
    assert "bad (" in out[1] and "sha256" in out[1] and out[2].endswith("good")
    assert "75.00%" not in out[3] and "renamed" in out[3] and out[3].endswith("bad (bad-5)")
