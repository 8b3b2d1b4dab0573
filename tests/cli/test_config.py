"""Tests `inception-jax config`."""

import json

from inception_jax import cli
from inception_jax import config as cfg


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
    assert "  lr              0.125" in lines


def test_overrides_work_from_python(capsys, monkeypatch, request):
    """`cli.main(words)` reads its arguments, not those of the interpreter."""
    monkeypatch.chdir(request.config.rootpath)
    words = ["config", "--json", "--config.seed=7", "--noconfig.data.flip"]
    assert cli.main([*words, "--config", "configs/digits.py", "--config.data.area=(0.5,0.75)"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["seed"], tree["data"]["flip"], tree["data"]["area"]) == (7, False, [0.5, 0.75])
