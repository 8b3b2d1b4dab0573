"""Tests `inception-jax config --explain` and the keys of `config --help`."""

import json
import re

import pytest

from inception_jax import cli
from inception_jax import config as cfg
from inception_jax.cli import keys
from inception_jax.errors import ConfigError


def explain(word, *words, capsys):
    """The output of `config --explain`."""
    assert cli.main(["config", f"--explain={word}", *words]) == 0
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def at_root(monkeypatch, request):
    """Pages are those of the repository."""
    monkeypatch.chdir(request.config.rootpath)


def test_a_key_is_explained(capsys):
    """Meaning, rule, default, source, pages by value, and the refused combinations."""
    words = (
        explain("optim.lookahead_rate", capsys=capsys),
        explain("data.batch_size", capsys=capsys),
    )
    assert "share of the way" in words[0] and "default     0.5" in words[0]
    assert "needs       optim.lookahead=5" in words[0]
    assert re.search(r"pages +512  bn_inception.py\n", words[1])
    assert "--config.optim.accumulate=…: expected a divisor of data.batch_size=…" in words[1]
    assert max(len(line) for text in words for line in text.splitlines()) <= 100


def test_the_value_of_a_page(capsys):
    """With --config its value, overrides included; as JSON too."""
    page = ("--config=configs/digits.py", "--config.optim.lr=0.125")
    assert "here        0.125  configs/digits.py" in explain("lr", *page, capsys=capsys)
    known = json.loads(explain("optim.lr", *page, "--json", capsys=capsys))
    assert (known["value"], known["default"]) == (0.125, None)
    assert "digits.py" in known["pages"]["0.2"] and known["expected"].endswith("above 0")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("optim.lr", ["optim.lr"]), ("lr", ["optim.lr"]), ("learning_rate", ["optim.lr"]),
     ("--config.optim.momentun", ["optim.momentum"]), ("optim.trunk", ["optim.backbone_lr"]),
     ("ema", ["ema.decay"]),
     ("every_epochs", ["optim.every_epochs", "eval.every_epochs", "checkpoint.every_epochs"])],
)  # fmt: skip
def test_near_names(word, expected):
    """A key, its last part, another codebase's name, a misspelling, a section."""
    assert keys.found(word) == expected


def test_no_near_name():
    """The sections are named."""
    with pytest.raises(ConfigError, match="sections are seed, data"):
        keys.found("xyzzy")


def test_several_keys_are_listed(capsys):
    """A section: each key with its meaning; a name that is not a key is said to be none."""
    out = explain("loss", capsys=capsys)
    assert all(key in out for key in cfg.RULES if key.startswith("loss."))
    assert "arXiv:1512.00567" in out and "no default, a page sets it" in out
    assert explain("learning_rate", capsys=capsys).startswith("learning_rate: no key of this name")


def test_refused_combinations_are_of_the_key():
    """Not of one whose name begins with its; those of the devices are among them."""
    assert not [m for m in keys.refusals("optim.l") if "optim.lr" in m]
    assert any("devices x" in message for message in keys.refusals("data.batch_size"))
    assert list(keys.refusals("log.tensorboard")) == []
