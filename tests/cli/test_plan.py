"""Tests `inception-jax plan`: its output, and what it refuses."""

import json
import re

import pytest

from inception_jax import cli
from tests.tiny import Tiny

SMALL = ["--config=configs/digits.py:width=0.125", "--config.data.image_size=8"]


def test_json_and_text(monkeypatch, tmp_path, capsys, request, quick_compiler):
    """Both have the same figures; the second plan comes from the cache."""
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny(bn_group=4))
    words = ["plan", *SMALL, "--config.model.bn_group=4", "--devices=2"]
    assert cli.main([*words, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert not plan["cached"] and plan["devices"]["count"] == 2 and plan["batch_size"] == 64
    (summed, signal) = plan["collectives"]
    assert (summed["kind"], summed["dtype"], summed["axis"]) == ("all-reduce", "f32", "data")
    state = plan["memory"]["state"]
    assert 0 <= summed["bytes"] - state["parameters"] - state["statistics"] <= 64
    assert (signal["dtype"], signal["bytes"]) == ("s32", 4)
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(re.match(r" +all-reduce +f32 +data ", line) for line in lines)
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == plan | {"cached": True}


@pytest.mark.slow
def test_the_command_makes_its_own_devices(command):
    """`plan --devices=2` works in a process with one CPU device."""
    rows = ["inception_3b", *(f"inception_4{x}" for x in "abcde"), "inception_5a", "inception_5b"]
    words = ["plan", *SMALL, "--config.model.bn_group=32", "--devices=2", "--json"]
    words += [f"--config.model.drop_rows={tuple(rows)!r}", "--config.model.aux=false"]
    assert json.loads(command(*words).stdout)["devices"]["count"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--devices=0"], "--devices=0: expected a whole number of at least 1"),
     (["--devices=5"], "batch_size=64: expected a multiple of 5"),
     (["--devices=99"], "--devices=99: expected at most 8"),
     (["--topology=v5e:9x9x9"], "v5e:2x4"),
     (["--devices=4", "--config.mesh.data=8"], "expected at most the 4 devices"),
     (["--devices=2", "--config.mesh.reduce=bfloat16"],
      "--config.model.bn_group=0: expected a divisor of 32"),
     (["--devices=2", "--config.model.dtype=bfloat16", "--config.mesh.reduce=float32"],
      "leave mesh.reduce=auto"),
     (["--config.model.dtype=float64", "--config.mesh.reduce=float32"], "expected auto")],
)  # fmt: skip
def test_plan_refuses(words, message, capsys, monkeypatch, request):
    """Missing devices and impossible layouts; each message has the flag to change."""
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    assert cli.main(["plan", *SMALL, *words]) == 78
    assert message in capsys.readouterr().err
