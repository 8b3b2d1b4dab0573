"""Tests the fragments of pages, and the parser of a page's argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax import config as cfg
from inception_jax.errors import ConfigError

DEFAULTS = {"epochs": 12.0, "aux": True, "replicas": 50, "dtype": "bfloat16"}


@pytest.mark.parametrize(
    ("arg", "changed"),
    [("", {}), ("epochs=2", {"epochs": 2.0}), ("aux", {}), ("aux=false", {"aux": False}),
     ("aux=True,replicas=-1", {"replicas": -1}), (" epochs = 1e-3 , dtype = float32 ",
      {"epochs": 1e-3, "dtype": "float32"}), ("dtype=", {"dtype": ""}), (",,", {})],
)  # fmt: skip
def test_parse_arg(arg, changed):
    """Values take the defaults' types."""
    got = cfg.parse_arg(arg, **DEFAULTS).to_dict()
    assert got == DEFAULTS | changed
    assert {k: type(v) for k, v in got.items()} == {k: type(v) for k, v in DEFAULTS.items()}


@pytest.mark.parametrize(
    ("arg", "says"),
    [("epoch=2", "did you mean 'epochs'"), ("epochs", "a number"), ("epochs=two", "a number"),
     ("replicas=1.5", "a whole number"), ("replicas=", "a whole number"), ("dtype", "a text"),
     ("aux=1", "true or false"), ("=3", "this page knows epochs=12.0")],
)  # fmt: skip
def test_parse_arg_refuses(arg, says):
    """An unknown name, or a value of another type."""
    with pytest.raises(ConfigError, match=says):
        cfg.parse_arg(arg, **DEFAULTS)


def test_possible_values():
    """Of a tuple the first is the default; what is not in it is refused with all of them."""
    possible = {"budget": ("a2", "a1", "a3"), "epochs": 3.0}
    assert cfg.parse_arg("", **possible).to_dict() == {"budget": "a2", "epochs": 3.0}
    assert cfg.parse_arg("budget=a3", **possible).budget == "a3"
    with pytest.raises(ConfigError, match="budget=a4': expected one of a2, a1, a3"):
        cfg.parse_arg("budget=a4", **possible)
    for guess in ("a3", "epochs=1,a3", "recipe=a3"):
        with pytest.raises(ConfigError, match="did you mean budget=a3"):
            cfg.parse_arg(guess, **possible, recipe=("old", "new"))


@given(st.text())
def test_parse_arg_never_crashes(arg):
    """Any text gives values of the right types, or a ConfigError."""
    try:
        got = cfg.parse_arg(arg, **DEFAULTS)
    except ConfigError:
        return
    assert {k: type(v) for k, v in got.items()} == {k: type(v) for k, v in DEFAULTS.items()}


def test_optimizer_fragments_have_the_same_keys():
    """Whatever the optimizer and schedule, the section has all keys, in the order of the rules."""
    names = [k.split(".")[1] for k in cfg.RULES if k.startswith("optim.")]
    step = cfg.staircase(lr=0.1, decay_rate=0.9, every_epochs=2.0)
    wave = cfg.cosine(lr=0.1, warmup_epochs=1.0)
    made = [
        cfg.sgd(schedule=step, momentum=0.9),
        cfg.sgd(schedule=wave, momentum=0.9, nesterov=True, clip=2.0),
        cfg.rmsprop(schedule=step, decay=0.9, momentum=0.9, eps=1.0),
        cfg.adamw(schedule=wave, weight_decay=0.1, accumulate=2),
    ]
    for section in made:
        assert sorted(section) == sorted(names)
    assert [s["name"] for s in made] == ["sgd", "sgd", "rmsprop", "adamw"]
    assert [s["schedule"] for s in made] == ["staircase", "cosine", "staircase", "cosine"]
    assert made[1]["clip"] == 2.0 and made[3]["accumulate"] == 2


STAIRCASE = {"lr": 0.1, "decay_rate": 0.9, "every_epochs": 2.0}
MODEL = {"num_classes": 10, "dropout": 0.0, "bn_group": 0, "bn_decay": 0.9}


@pytest.mark.parametrize(
    ("old", "section"),
    [("optim.factor", lambda **k: cfg.sgd(schedule=cfg.staircase(**STAIRCASE, **k), momentum=0.9)),
     ("model.pixels", lambda **k: cfg.model("googlenet", **MODEL, **k)),
     ("model.without", lambda **k: cfg.model("googlenet", **MODEL, **k))],
)  # fmt: skip
def test_renamed_keywords_are_refused_with_the_new_name(page, old, section):
    """A page written with an old keyword gets the new one."""
    name, _, key = old.partition(".")
    with pytest.raises(ConfigError) as e:
        cfg.new(**(cfg.ordered(page) | {name: section(**{key: "x"})}))
    assert str(e.value).startswith(f"{old!r} is now {cfg.RENAMED[old]!r} (sections: ")
