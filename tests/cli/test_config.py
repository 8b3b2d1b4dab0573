"""Tests `inception-jax config`."""

import json
import re
from pathlib import Path

import pytest

from inception_jax import cli
from inception_jax import config as cfg
from inception_jax.cli import pages


def test_config_prints_in_the_order_of_a_page(capsys, monkeypatch, request):
    """Sections and keys are in the order of the rules, with the overrides, as text and as JSON."""
    words = ["config", "--config=configs/digits.py:epochs=2", "--config.optim.lr=0.125"]
    monkeypatch.chdir(request.config.rootpath)
    assert cli.main([*words, "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert [key for key, _ in cfg.flatten(tree)] == list(cfg.RULES)
    assert (tree["optim"]["lr"], tree["train"]["epochs"]) == (0.125, 2.0)
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    sections = [line.split()[0].rstrip(":") for line in lines if not line.startswith(" ")]
    assert tuple(sections) == cfg.SECTIONS
    assert ["lr", "0.125"] in [line.split() for line in lines]


def test_overrides_work_from_python(capsys, monkeypatch, request):
    """`cli.main(words)` reads its arguments, not those of the interpreter."""
    monkeypatch.chdir(request.config.rootpath)
    words = ["config", "--json", "--config.seed=7", "--noconfig.data.flip"]
    assert cli.main([*words, "--config", "configs/digits.py", "--config.data.area=(0.5,0.75)"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["seed"], tree["data"]["flip"], tree["data"]["area"]) == (7, False, [0.5, 0.75])


def printed(*words, capsys):
    """The output of `config`."""
    assert cli.main(["config", *words]) == 0
    return capsys.readouterr().out


@pytest.fixture
def at_root(monkeypatch, request):
    """Pages are named as a user at the root of the repository names them."""
    monkeypatch.chdir(request.config.rootpath)


def test_difference_of_two_pages(capsys, at_root):
    """Both values of each key that differs, below its section in a page's order; or as JSON."""
    pair = ("configs/inception_v3.py", "configs/inception_v3.py:tpu")
    data = json.loads(printed("--diff", *pair, "--json", capsys=capsys))
    assert (data["left"], data["right"]) == pair
    assert data["keys"]["model.bn_decay"] == [0.9997, 0.996] and "model.name" not in data["keys"]
    order = [key for key in cfg.RULES if key in data["keys"]]
    assert list(data["keys"]) == order
    lines = printed(f"--diff={pair[0]}", pair[1], capsys=capsys).splitlines()
    assert lines[:2] == [f"- {pair[0]}", f"+ {pair[1]}"]
    sections = [line.rstrip(":") for line in lines[3:] if not line.startswith(" ")]
    assert sections == list(dict.fromkeys(key.split(".")[0] for key in order))
    changed = [re.split(" +(?:-> +)?", line.strip()) for line in lines if " -> " in line]
    assert ["bn_decay", "0.9997", "0.996"] in changed and len(changed) == len(order)
    assert "equal" in printed("--diff", pair[0], pair[0], capsys=capsys)


def test_difference_from_the_published(capsys, at_root, tmp_path):
    """The given config, with its overrides, beside the page of its network, wherever it is."""
    page = tmp_path / "mine.py"
    page.write_bytes(Path("configs/inception_v4.py").read_bytes())
    words = (f"--config={page}", "--config.seed=7", "--noconfig.data.flip", "--diff=published")
    data = json.loads(printed(*words, "--json", capsys=capsys))
    assert data["left"] == "configs/inception_v4.py"
    assert data["keys"] == {"seed": [0, 7], "data.flip": [True, False]}
    assert data["right"] == f"{page} --config.seed=7 --noconfig.data.flip"
    assert "seed              0     ->  7" in printed(*words, capsys=capsys).splitlines()
    (tmp_path / "inception_v4.py").write_bytes(page.read_bytes())
    assert f"- {tmp_path}/inception_v4.py" in printed(*words, capsys=capsys)
    words = ("--config=configs/googlenet.py:naive", "--diff", "published")
    assert "equal" in printed(*words, capsys=capsys)


def test_difference_from_a_run(capsys, at_root, tmp_path):
    """The config that a run has saved."""
    tree = cfg.ordered(pages.load("configs/digits.py"))
    (tmp_path / "config.json").write_text(json.dumps(tree))
    words = ("--config=configs/digits.py:epochs=2", f"--diff={tmp_path}", "--json")
    assert json.loads(printed(*words, capsys=capsys))["keys"] == {"train.epochs": [30.0, 2.0]}


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--diff", "configs/digits.py"], "expected one more config to compare, --config=PAGE or a s"),
     (["--diff", "configs/digits.py", "configs/digits.py", "--config=configs/digits.py"], "both"),
     (["--diff"], "--diff: expected a text"), (["--diff=configs/digit.py", "configs/digits.py"],
                                              "did you mean configs/digits.py"),
     (["configs/digits.py"], "expected --config=PAGE"), (["--diff", "a", "b", "c"], "word 'c'"),
     (["--config=configs/digits.py", "--config.optim.lr=0", "--diff=published"], "optim.lr=0")],
)  # fmt: skip
def test_differences_refuse(words, says, capsys, at_root):
    """What is missing or too much, and names that are no page."""
    assert cli.main(["config", *words]) == 78
    assert says in capsys.readouterr().err
