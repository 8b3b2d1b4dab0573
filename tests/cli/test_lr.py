"""Tests `inception-jax lr`; the steps themselves are of tests/train/test_lr_range.py."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from inception_jax import cli
from inception_jax.train import lr_range
from tests.train.test_lr_range import valley

PAGE = "--config=configs/digits.py"


@pytest.fixture(autouse=True)
def without_training(monkeypatch, request):
    """Losses like a valley; the rates are those that the command asks for."""

    def losses(config, steps, low, high):
        rates = np.geomspace(low, high, steps).tolist()
        yield from zip(rates, map(valley, np.linspace(0, 99, steps)), strict=True)

    monkeypatch.setattr(lr_range, "losses", losses)
    monkeypatch.chdir(request.config.rootpath)


def test_the_table_and_the_flag(capsys):
    """Rates times the page's, a bar for each loss, the marks, and the flag to use."""
    assert cli.main(["lr", PAGE, "--config.optim.lr=0.5", "--low=0.001"]) == 0
    out = capsys.readouterr().out
    assert out.count("steepest") == out.count("  lowest") == 1
    assert "(the page has 0.5)" in out and "suggested: --config.optim.lr=" in out
    rows = [line.split() for line in out.splitlines() if "█" in line]
    assert 20 <= len(rows) <= 24 and float(rows[0][0]) < 0.001


@pytest.mark.parametrize("name", ["a.svg", "a.json"])
def test_the_curve_is_written(tmp_path, capsys, name):
    """As a picture or as data; --json prints the same data."""
    assert cli.main(["lr", PAGE, f"--out={tmp_path / name}", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    text = (tmp_path / name).read_text()
    if name == "a.json":
        assert json.loads(text) == data and data["page"] == 0.2
    else:
        root = ET.fromstring(text)
        assert f"suggested: {data['suggested']:g}" in "".join(root.itertext())
        assert len(root.findall(".//{*}polyline")) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--out=a.gif"], "*.svg or *.json"), (["--low=2", "--high=1"], "expected less than --high"),
     (["--steps=3"], "--steps=3: expected a whole number of at least 20")],
)  # fmt: skip
def test_mistakes(words, says, capsys):
    """What is expected."""
    assert cli.main(["lr", PAGE, *words]) == 78
    assert says in capsys.readouterr().err
