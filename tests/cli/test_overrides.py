"""Tests `inception_jax/cli/overrides.py`: an override is obeyed or refused."""

import pytest

from inception_jax import cli
from inception_jax import config as configs
from inception_jax.cli import overrides, pages
from inception_jax.errors import ConfigError


@pytest.fixture
def flat(monkeypatch, request):
    """The digits page by key; the test's working directory is the repository's."""
    monkeypatch.chdir(request.config.rootpath)
    return dict(configs.flatten(pages.load("configs/digits.py")))


@pytest.mark.parametrize("words", [overrides.EVAL, overrides.PREDICT, overrides.IMAGES])
def test_every_pattern_is_of_a_key(words, flat):
    """No key is misspelt in the tables."""
    for pattern in words:
        section, _, name = pattern.partition(".")
        assert pattern in flat or (name == "*" and any(k.startswith(f"{section}.") for k in flat))


@pytest.mark.parametrize(
    ("command", "obeyed", "key", "value", "says"),
    [
        (
            "eval",
            overrides.EVAL,
            "model.width",
            0.5,
            ["model.width=0.5", "0.25", "weight"],
        ),
        ("predict", overrides.PREDICT, "model.drop_rows", (), ["with ('inception_3a'", "leave it"]),
        ("eval", overrides.EVAL, "ema.decay", 0.0, ["0.99", "give --raw"]),
        (
            "predict",
            overrides.PREDICT,
            "data.threads",
            9,
            ["`predict` does", "data.resize"],
        ),
        ("data check", overrides.IMAGES, "optim.lr", 9.0, ["`data check`", "0.2", "leave it out"]),
        ("data check", overrides.IMAGES, "eval.split", "train", ["--split=NAME"]),
        ("export --to=onnx", (), "model.dtype", "bfloat16", ["model.dtype=bfloat16"]),
    ],
)
def test_what_is_not_obeyed_is_refused(command, obeyed, key, value, says, flat):
    """The message has the key, both values, and the way out; an equal value is no change."""
    with pytest.raises(ConfigError) as e:
        overrides.check(command, flat, {**flat, key: value}, obeyed)
    assert all(text in str(e.value) for text in says) and "\n" not in str(e.value)
    overrides.check(command, flat, dict(flat), obeyed)
    overrides.check("train", flat, {**flat, key: value}, overrides.EVERY)


def test_the_last_value_of_a_tuple_is_taken():
    """As for every other kind, in both forms; other words stay in their order."""
    last = overrides.last_of_each_tuple
    rows = "--config.model.drop_rows"
    assert last([f"{rows}=a", "x", f"{rows}=b", "--y"]) == ["x", f"{rows}=b", "--y"]
    assert last([rows, "a", f"{rows}=b"]) == [f"{rows}=b"]
    assert last([f"{rows}=b", rows, "a", "x"]) == [rows, "a", "x"]
    same = ["--config.optim.lr=1", "--config.optim.lr=2", "--config.data.area", "(1, 1)", rows]
    assert last(same) == same


@pytest.mark.parametrize(
    ("words", "says"),
    [(["data", "bench", "--config.data.threads=3"], "needs the config that it changes"),
     (["data", "bench", "--config=configs/digits.py", "--size=3"], "--size has no effect with"),
     (["fid", "a", "b", "--config.model.width=3"], "takes no config"),
     (["describe", "--width=3"], "without the name of a network"),
     (["plan", "--config=configs/digits.py", "--input=x"], "without --topology"),
     (["data", "show", "--config=configs/digits.py", "--config.optim.lr=3"], "does not use"),
     (["sweep", "expand", "--config=configs/digits.py", "--sweep=lr", "--dir=x", "--trials=3"],
      "--trials has no effect with --sweep")],
)  # fmt: skip
def test_a_flag_without_effect_is_refused(words, says, flat, capsys):
    """Flags of the other form of a command, and keys that a command does not read."""
    assert cli.main(words) == 78
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--config.data.processes=auto", "--config.data.processes=-1"),
        ("--config.mesh.data=auto", "--config.mesh.data=-1"),
        ("--config.data.processes=4", "--config.data.processes=4"),
        ("--config.model.num_classes=auto", "--config.model.num_classes=-1"),
        ("--config.mesh.reduce=auto", "--config.mesh.reduce=auto"),
        ("auto", "auto"),
    ],
)
def test_auto_is_a_number_of_some_keys(word, meant):
    """Of those whose rule has one."""
    assert overrides.automatic(word) == meant
