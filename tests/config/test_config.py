"""Tests the config: the rules, what is refused and how, the fragments, and pages' arguments."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from inception_jax import config as cfg
from inception_jax.cli import hints
from inception_jax.errors import ConfigError

MOST = 2**31 - 1


def put(config: ConfigDict, values: dict) -> ConfigDict:
    """The config with some values replaced, of whatever type."""
    with config.unlocked(), config.ignore_type():
        for key, value in values.items():
            *section, name = key.split(".")
            (config[section[0]] if section else config)[name] = value
    return config


# key: (accepted, refused); ends of ranges, and types that are nearly right
BOUNDS = {
    "seed": ([0, MOST], [-1, MOST + 1, 0.0, True, "0", None]),
    "data.batch_size": ([1, 64], [0, -64, 64.0, True, "64", 2**40]),
    "data.source": (["digits"], ["", "Digits", 1, None]),
    "data.area": ([(0.1, 1), [1e-9, 1.0], (0.5, 0.5)],
                  [(0, 1), (0.5, 0.4), (0.1, 1.01), (0.1,), (0.1, 0.2, 0.3), (0.1, math.nan),
                   ("a", "b"), (True, True), 0.5, "ab", None]),
    "data.eval_crop": ([1, 0.001], [0, 1.001, "1", math.nan]),
    "data.flip": ([True, False], [0, 1, "true", None]),
    "data.threads": ([1, 1024], [0, 1025]),
    "data.dir": (["", "a b/ü"], [None, 3]),
    "model.width": ([1e-3, 16], [0, 16.001, -1]),
    "model.dropout": ([0, 0.99], [-1e-9, 0.991, 1, True, math.inf]),
    "model.bn_decay": ([0, 1], [-0.1, 1.1]),
    "loss.l2": ([0, 1e6], [-1e-9, math.inf, -math.inf, math.nan]),
    "optim.lr": ([1e-30, 3], [0, -0.1, math.nan, "0.1"]),
    "optim.momentum": ([0, 0.999], [1, -0.1]),
    "optim.decay_rate": ([1, 0.1], [0, 1.1]),
    "ema.decay": ([0, 0.9999], [1, 1.5, -0.1]),
    "train.epochs": ([0.001, 1000], [0, -1, math.inf]),
    "mesh.data": ([-1, 1, 8], [0, -2, 1.0]),
    "mesh.model": ([1, 8], [0, -1]),
    "log.track": (["none", "wandb", "mlflow"], ["tensorboard", None]),
}  # fmt: skip
CASES = [(k, v, good) for k, pair in BOUNDS.items() for good in (0, 1) for v in pair[good]]


@pytest.mark.parametrize(("key", "value", "bad"), CASES, ids=repr)
def test_bounds(key, value, bad):
    """Each kind of rule admits its ends, and refuses what lies beyond or is of another type."""
    assert cfg.RULES[key].admits(value) is not bool(bad)


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, v, bad in CASES if bad], ids=repr)
def test_refusals_name_the_key_the_value_and_what_is_expected(page, key, value):
    """The message is the flag as it would be written, then the rule in words."""
    tree = cfg.ordered(page)  # plain: a ConfigDict would turn some values into its types
    section, _, name = key.rpartition(".")
    (tree[section] if section else tree)[name] = value
    with pytest.raises(ConfigError) as e:
        cfg.validate(tree)
    assert str(e.value).startswith(f"--config.{key}={value}: expected {cfg.RULES[key].expected}")


def test_every_key_has_a_rule_that_refuses_something():
    """No rule lets None through, and each says what it expects."""
    for key, rule in cfg.RULES.items():
        assert not rule.admits(None), key
        assert rule.expected


@given(st.sampled_from(sorted(cfg.RULES)), st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.floats(), max_size=3).map(tuple)))  # fmt: skip
def test_any_value_is_admitted_or_refused(key, value):
    """No value of any type makes a rule fail; what passes has the rule's type and is finite."""
    rule = cfg.RULES[key]
    if rule.admits(value):
        assert isinstance(value, bool) == (rule.kind is bool)
        parts = value if isinstance(value, tuple) else [value]
        assert not any(isinstance(p, float) and not math.isfinite(p) for p in parts)


BETWEEN = [
    ({"model.num_classes": 9}, "model.num_classes=9"),
    ({"model.num_classes": 12}, "data.classes=10"),
    ({"data.source": "folder"}, "data.dir is empty"),
    ({"data.source": "tfds"}, "data.name is empty"),
    ({"data.crop": "pad", "data.pad": 24}, "data.image_size=24"),
    ({"optim.accumulate": 3}, "optim.accumulate=3"),
    ({"optim.accumulate": 128}, "data.batch_size=64"),
    ({"model.bn_group": 48}, "model.bn_group=48"),
    ({"optim.accumulate": 4, "model.bn_group": 32}, "= 16"),
    ({"optim.accumulate": 2}, "set model.bn_group to 32"),
    ({"optim.warmup_epochs": 30.0}, "train.epochs=30"),
]
ALLOWED = [
    {"model.num_classes": 11}, {"model.num_classes": 18}, {"data.pad": 15},
    {"data.pad": 24, "data.crop": "central"}, {"model.bn_group": 64}, {"model.bn_group": 1},
    {"optim.accumulate": 4, "model.bn_group": 16}, {"optim.warmup_epochs": 11.9},
    {"optim.warmup_epochs": 30.0, "optim.schedule": "constant"},
    {"data.source": "folder", "data.dir": "x"}, {"data.source": "tfds", "data.name": "mnist"},
]  # fmt: skip


@pytest.mark.parametrize(("values", "says"), BETWEEN, ids=repr)
def test_rules_between_sections(config, values, says):
    """What contradicts itself is refused, naming both sides."""
    with pytest.raises(ConfigError) as e:
        cfg.validate(put(config, values))
    assert says in str(e.value)
    assert "--config." in str(e.value)


@pytest.mark.parametrize("values", ALLOWED, ids=repr)
def test_just_inside_the_rules(config, values):
    """The nearest values that agree are accepted."""
    cfg.validate(put(config, values))


@given(st.integers(1, 512), st.integers(1, 64), st.integers(0, 64))
def test_accepted_batches_divide_evenly(page, batch, accumulate, group):
    """A config passes if and only if microbatches and BatchNorm groups are whole."""
    config = page.copy_and_resolve_references()
    values = {"data.batch_size": batch, "optim.accumulate": accumulate, "model.bn_group": group}
    whole = batch % accumulate == 0 and (
        accumulate == 1 if group == 0 else batch % (accumulate * group) == 0
    )
    try:
        cfg.validate(put(config, values))
    except ConfigError:
        assert not whole
    else:
        assert whole


def test_order_and_flatten(page):
    """`ordered` gives the sections and keys as designed; `flatten` gives each key once."""
    tree = cfg.ordered(page)
    assert tuple(tree) == cfg.SECTIONS
    assert [k for k, _ in cfg.flatten(tree)] == list(cfg.RULES)
    assert dict(cfg.flatten(tree)) == dict(cfg.flatten(page))
    assert list(cfg.flatten({"a": {"b": {"c": 1}, "d": (2,)}, "e": {}})) == [
        ("a.b.c", 1), ("a.d", (2,)),
    ]  # fmt: skip
    assert tuple(dict.fromkeys(k.split(".")[0] for k in cfg.RULES)) == cfg.SECTIONS


def test_numbers_of_a_page_take_the_rule_s_type(page):
    """`epochs=90` in a page must not make --config.train.epochs=0.5 a wrong type."""
    sections = cfg.ordered(page)
    sections["train"]["epochs"] = 90
    sections["mesh"]["data"] = 1
    sections["data"] |= {"area": [0.1, 1.0]}
    new = cfg.new(**sections)
    assert (type(new.train.epochs), new.train.epochs) == (float, 90.0)
    assert new.data.area == (0.1, 1.0)
    assert type(new.mesh.data) is int


@pytest.mark.parametrize(
    ("sections", "says"),
    [({"optim": None}, "lacks optim.name"), ({"optims": {"lr": 1}}, "'optims.lr' is no key"),
     ({"ema": {}}, "lacks ema.decay"), ({"ema": {"deca": 0.1}}, "'ema.decay' is")],
)  # fmt: skip
def test_new_refuses_missing_and_unknown_keys(page, sections, says):
    """A page must have every key, and no others."""
    with pytest.raises(ConfigError, match=says):
        cfg.new(**(cfg.ordered(page) | sections))


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


@pytest.mark.parametrize(
    ("key", "near"),
    [("optim.learning_rate", "optim.lr"), ("lr", "optim.lr"), ("optim.momentun", "optim.momentum"),
     ("batch_size", "data.batch_size"), ("eval.every_epoch", "eval.every_epochs"),
     ("checkpoints.every_epochs", "checkpoint.every_epochs"), ("sead", "seed"),
     ("modle.name", "model.name"), ("data.color", "data.colour"), ("xyzzy", None)],
)  # fmt: skip
def test_nearest_key(key, near):
    """Spelling, a wrong section, and what other codebases call it."""
    assert hints.near_key(key) == near


def test_hints_name_real_keys():
    """Every name taken from other codebases leads to a key."""
    assert set(hints.ELSEWHERE.values()) <= set(cfg.RULES)
