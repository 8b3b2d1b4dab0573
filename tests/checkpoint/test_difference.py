"""Tests the comparison of two checkpoints."""

import json

import numpy as np

from inception_jax import cli
from inception_jax.checkpoint import Checkpoints
from tests import saved


def test_diff(run, tmp_path, capsys):
    """0 for the same bits; 1, the worst array first, for others; arrays that only one has."""
    assert cli.main(["ckpt", "diff", str(run), f"{run}@15"]) == 0
    assert "bit-identical" in capsys.readouterr().out
    other = saved.state(15)
    other["params"]["logits"]["bias"] = other["params"]["logits"]["bias"].at[3].add(0.5)
    other["params"]["conv0"]["kernel"] = other["params"]["conv0"]["kernel"].at[0].add(1e-3)
    other["opt_state"] = ({"nu": other["opt_state"][0]["nu"][:1]},)
    (tmp_path / "b").mkdir()
    saves = Checkpoints(tmp_path / "b" / "checkpoints", keep=1)
    saves.save(15, other, {})
    saves.close()
    assert cli.main(["ckpt", "diff", str(run), str(tmp_path / "b"), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(r["name"], r["what"]) for r in rows] == [
        ("opt_state/0/count", "only in A"),
        ("opt_state/0/nu", "shape"),
        ("params/logits/bias", "values"),
        ("params/conv0/kernel", "values"),
    ]
    assert abs(rows[2]["max_abs"] - 0.5) < 1e-6 and abs(rows[3]["max_abs"] - 1e-3) < 1e-6
    largest = float(np.abs(np.asarray(saved.state(15)["params"]["logits"]["bias"])).max())
    assert abs(rows[2]["max_rel"] - 0.5 / largest) < 1e-6
    assert cli.main(["ckpt", "diff", str(run), str(tmp_path / "b"), "--top=1"]) == 1
    out = capsys.readouterr().out
    assert "params: 2 arrays, values" in out and "and 3 more" in out
