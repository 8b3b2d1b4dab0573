"""Tests `inception-jax ckpt verify`."""

import json

from inception_jax import cli
from tests import saved


def test_damage_is_found(tmp_path, capsys):
    """0 and a line for each good step; 65 and the damaged file otherwise, as text and JSON."""
    saved.steps(tmp_path / "checkpoints", 10, 20)
    assert cli.main(["ckpt", "verify", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"step {step}: every byte is as it was saved" for step in (10, 20)
    ]
    file = max((tmp_path / "checkpoints" / "20").rglob("*"), key=lambda p: p.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1])
    assert cli.main(["ckpt", "verify", str(tmp_path)]) == 65
    out, err = capsys.readouterr()
    assert "step 20: not good" in out and "step 10: every byte" in out
    assert file.name in err and "not good in" in err and ": step 20" in err
    assert cli.main(["ckpt", "verify", str(tmp_path), "--json"]) == 65
    problems = json.loads(capsys.readouterr().out)
    assert problems["10"] == [] and problems["20"]
    assert cli.main(["ckpt", "verify", str(tmp_path), "--step=10"]) == 0
