"""Tests the rows of `ckpt ls`."""

import json
import time

import pytest

from inception_jax import cli
from tests import saved


@pytest.fixture
def whole_run(run):
    """With the files that `ckpt ls` reads."""
    section = {"keep": 1, "keep_best": 1, "keep_every_epochs": 1.0}
    config = {"checkpoint": section, "eval": {"split": "test"}}
    (run / "config.json").write_text(json.dumps(config))
    line = {"step": 5, "epoch": 0.5, "split": "test", "top1": 0.75}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return run


def test_ls(whole_run, capsys):
    """Step, epoch, size, top-1, why it is kept and what is known of its bytes."""
    assert cli.main(["ckpt", "ls", str(whole_run), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["step"], r["epoch"], r["top1"], r["kept"], r["state"]) for r in rows] == [
        (5, 0.5, 0.75, "best", "unverified"),
        (10, 1.0, None, "interval", "unverified"),
        (15, 1.5, None, "newest", "unverified"),
    ]
    assert all(r["bytes"] > 700_000 and abs(r["time"] - time.time()) < 1e5 for r in rows)
    saved.flip(saved.array_file(whole_run / "checkpoints" / "10"))
    (whole_run / "checkpoints" / "5").rename(whole_run / "checkpoints" / "bad-5")
    assert cli.main(["ckpt", "ls", str(whole_run), "--verify"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4 and out[0].split()[:3] == ["step", "epoch", "saved"]
    assert "bad (" in out[1] and "sha256" in out[1] and out[2].endswith("good")
    assert "75.00%" not in out[3] and "renamed" in out[3] and out[3].endswith("bad (bad-5)")
