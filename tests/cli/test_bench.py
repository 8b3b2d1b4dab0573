"""Tests `inception-jax bench` as a user meets it: what is refused, and one that runs."""

import importlib.util
import json
import sys

import pytest

from inception_jax import cli

TINY = (
    "--model=googlenet", "--dialect=slim", "--width=0.1", "--stem=small", "--size=32", "--batch=2",
    "--steps=1", "--rounds=1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--parts=trane"], "--parts=trane: expected some of train, eval, input"),
        (["--parts=train,joined"], "--parts=train,joined: joined needs --folder=DIR"),
        (["--folder=nowhere"], "--folder=nowhere: expected a folder"),
        (["--dtype=int8"], "--dtype=int8: expected one of 'float32'"),
        (["--stem=big"], "--stem=big: expected one of 'paper', 'small'"),
        (["--width=0"], "--width=0.0: expected a finite number above 0"),
        (["--peers=torchh"], "--peers=torchh: expected auto, none, or some of plain, torch"),
        (["--python=nowhere"], "--python=nowhere: expected a Python interpreter"),
        (["--out=nowhere/x.json", "--peers=none"], "--out=nowhere/x.json: expected a file in"),
        (["--model=googlenett", "--peers=none"], "--model: unknown model 'googlenett'"),
        (["--size=40", "--model=inception_resnet_v2", "--peers=none"], "--size=40 is too small"),
    ],
)
def test_what_is_refused(words, says, capsys):
    """With 78, before anything is measured, by the flag that was given."""
    assert cli.main(["bench", *words]) == 78
    assert says in capsys.readouterr().err


def test_a_peer_that_is_not_installed(capsys):
    """By name it is refused, with what to install."""
    if importlib.util.find_spec("keras"):
        pytest.skip("Keras is installed")
    assert cli.main(["bench", "--parts=train", "--peers=keras"]) == 78
    assert "pip install keras" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_one(command, tmp_path):
    """Three parts beside plain Flax; the file is continued, and its rows are those printed."""
    out = tmp_path / "bench.json"
    words = ["bench", *TINY, "--parts=train,eval,checkpoint", "--peers=plain", f"--out={out}"]
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert [line.split("  ")[0] for line in done.stdout.splitlines()[3:8]] == [
        "what", "train", "eval", "save", "verify, restore",
    ]  # fmt: skip
    assert "6/6  checkpoint" in done.stderr and "in all" in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    found = json.loads(out.read_text())
    assert [(r["part"], r["peer"], r["rounds"]) for r in found["results"]] == [
        ("train", "plain", 1), ("eval", "plain", 1), ("checkpoint", "disk", 1),
        ("checkpoint", "disk", 1),
    ]  # fmt: skip
    assert all(r["ratio"]["low"] > 0 and r["ours"]["peak_bytes"] > 1e8 for r in found["results"])
    assert [p.name for p in tmp_path.iterdir()] == ["bench.json"]
    again = command(*words, "--json")
    assert "6 of 6 were measured before" in again.stderr
    assert json.loads(again.stdout)["runs"] == found["runs"]
    other = command(*words, "--batch=4")
    assert other.returncode == 78 and "settings.batch: 2 there, 4 now" in other.stderr


def test_parts_without_their_images(capsys, monkeypatch):
    """By default they are left out with a line that says why; nothing else is measured here."""
    from inception_jax.bench import turns

    asked = []
    monkeypatch.setattr(turns, "play", lambda order, *_: asked.extend(t.part for t in order))
    assert cli.main(["bench", *TINY, "--peers=none", f"--python={sys.executable}"]) == 0
    assert set(asked) == {"train", "eval", "compile", "checkpoint"}
    assert "joined: left out; it needs --folder=DIR" in capsys.readouterr().err
