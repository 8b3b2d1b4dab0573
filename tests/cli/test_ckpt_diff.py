"""Tests `inception-jax ckpt diff`."""

import json

from inception_jax import cli
from tests import saved


def test_equal_and_different_steps(tmp_path, capsys):
    """0 and a line for equal steps; 1 and the arrays, largest difference first, otherwise."""
    for name in "ab":
        saved.steps(tmp_path / name / "checkpoints", 10, 20)
    a, b = tmp_path / "a", tmp_path / "b"
    assert cli.main(["ckpt", "diff", str(a), f"{b}@20"]) == 0
    assert "bit-identical" in capsys.readouterr().out
    assert cli.main(["ckpt", "diff", f"{a}@10", str(b), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {row["section"] for row in rows} >= {"params", "batch_stats", "ema"}
    assert cli.main(["ckpt", "diff", f"{a}@10", str(b), "--top=1"]) == 1
    text = capsys.readouterr().out
    assert rows[0]["name"] in text and f"and {len(rows) - 1} more" in text


def test_mistakes(tmp_path, capsys):
    """Two runs, and a number for a step."""
    assert cli.main(["ckpt", "diff", "a"]) == 78
    assert "expected two runs" in capsys.readouterr().err
    assert cli.main(["ckpt", "diff", "a@x", "b"]) == 78
    assert "ckpt diff: expected DIR or DIR@STEP" in capsys.readouterr().err
