"""Tests `inception-jax ckpt ls`."""

import json

from inception_jax import cli
from tests import saved


def test_rows(tmp_path, capsys, digits_config):
    """A row for each step, unverified; `--verify` reads every byte and finds damage."""
    saved.steps(tmp_path / "checkpoints", 10, 20)
    (tmp_path / "config.json").write_text(json.dumps(digits_config))
    assert cli.main(["ckpt", "ls", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["step"], r["state"]) for r in rows] == [(10, "unverified"), (20, "unverified")]
    file = max((tmp_path / "checkpoints" / "20").rglob("*"), key=lambda p: p.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert cli.main(["ckpt", "ls", str(tmp_path), "--verify"]) == 0
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert "good" in first and "bad" in second


def test_a_run_is_needed(capsys):
    """The message has an example."""
    assert cli.main(["ckpt", "ls"]) == 78
    assert (
        "expected a run, for example: inception-jax ckpt ls runs/digits" in capsys.readouterr().err
    )
