"""Tests building, ordering and validating a whole config, and the rules between sections."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from inception_jax import config as cfg
from inception_jax.errors import ConfigError


def put(config: ConfigDict, values: dict) -> ConfigDict:
    """The config with some values replaced, of whatever type."""
    with config.unlocked(), config.ignore_type():
        for key, value in values.items():
            *section, name = key.split(".")
            (config[section[0]] if section else config)[name] = value
    return config


GROUPS = {"data.source": "folder", "data.dir": "x", "data.files": "groups"}
MEAN = {"model.mean": (1.0, 2.0, 3.0), "model.std": (1.0, 2.0, 3.0)}
BETWEEN = [
    ({"model.num_classes": 9}, "model.num_classes=9"),
    ({"model.num_classes": 12}, "data.classes=10"),
    ({"data.source": "folder"}, "data.dir is empty"),
    ({"data.source": "tfds"}, "data.name is empty"),
    ({"data.source": "raw", "data.name": "x"}, "data.dir is empty"),
    ({"data.crop": "pad", "data.pad": 24}, "data.image_size=24"),
    ({"optim.accumulate": 3}, "optim.accumulate=3"),
    ({"optim.accumulate": 128}, "data.batch_size=64"),
    ({"model.bn_group": 48}, "model.bn_group=48"),
    ({"optim.accumulate": 4, "model.bn_group": 32}, "= 16"),
    ({"optim.accumulate": 2}, "set model.bn_group to 32"),
    ({"optim.warmup_epochs": 30.0}, "train.epochs=30"),
    ({"train.sizes": (12, 16), "train.size_epochs": (5.0,)}, "size_epochs=(5.0,): expected as"),
    ({"train.sizes": (16, 12), "train.size_epochs": (5.0, 9.0)}, "rising sizes below"),
    ({"train.sizes": (12,), "train.size_epochs": (30.0,)}, "epochs below train.epochs=30"),
    (
        {"train.sizes": (12,), "train.size_epochs": (9.0,), "data.crop": "pad", "data.pad": 12},
        "smallest of train.sizes=(12,)",
    ),
    ({"train.recalibrate": 1, "model.dialect": "paper"}, "googlenet has no BatchNorm"),
    ({"train.recalibrate": 1, "optim.backbone_lr": 0.0}, "backbone_lr=0"),
    ({"train.recalibrate": 1, "optim.freeze_until": "logits"}, "freeze_until=logits"),
    ({"train.recalibrate": 1, "model.bn_frozen": True}, "bn_frozen=true"),
    ({"model.bn_frozen": True, "model.dialect": "paper"}, "googlenet has no BatchNorm"),
    ({"train.cache_features": True}, "freeze_until=: expected rows"),
    (
        {"train.cache_features": True, "optim.freeze_until": "logits", "model.aux": False},
        "set --config.data.crop=central",
    ),
    ({"train.patience": 5}, "expected at most 4"),
    ({"data.folds": 3, "data.fold": 3}, "data.fold=3: expected less than data.folds=3"),
    ({"eval.split": "fold"}, "expected data.folds"),
    ({"loss.teacher": "a", "loss.teacher_weight": 0.0}, "loss.teacher_weight=0"),
    ({"data.channels": 6}, "data.channels=6: expected [1, 3] of data.source=digits"),
    ({"data.dtype": "uint16", "data.channels": 1}, "data.dtype=uint16: expected ['uint8']"),
    ({**GROUPS, "data.channels": 1}, "data.channels=1: expected 2 to 16"),
    ({**GROUPS, "data.dtype": "float32"}, "data.dtype=float32: expected ['uint8', 'uint16']"),
    ({"data.channels": 1, "data.colour": "slim"}, "data.colour=slim with"),
    ({"data.channels": 1, "augment.policy": "randaugment"}, "augment.policy=randaugment with"),
    ({"data.channels": 1, "model.normalization": "imagenet"}, "normalization=imagenet with"),
    ({"model.mean": (1.0, 2.0), "model.std": (1.0, 2.0)}, "expected 3 numbers"),
    ({"model.mean": (1.0, 2.0, 3.0)}, "model.std=(): expected 3 numbers"),
    ({**MEAN, "model.normalization": "imagenet"}, "with --config.model.mean"),
]
ALLOWED = [
    {"data.channels": 1, "model.mean": (1.0,), "model.std": (2.0,)},
    {**GROUPS, "data.channels": 16, "data.dtype": "uint16"},
    {**GROUPS, "data.files": "arrays", "data.channels": 1, "data.dtype": "float32"},
    MEAN,
    {"model.num_classes": 11}, {"model.num_classes": 18}, {"model.bn_group": 64},
    {"data.pad": 23, "data.crop": "pad", "data.area": (0.08, 1.0)}, {"model.bn_group": 1},
    {"optim.accumulate": 4, "model.bn_group": 16}, {"optim.warmup_epochs": 11.9},
    {"optim.warmup_epochs": 30.0, "optim.schedule": "constant"},
    {"train.sizes": (12, 23), "train.size_epochs": (5.0, 29.9)}, {"train.patience": 4},
    {"train.recalibrate": 9, "optim.backbone_lr": 0.1}, {"loss.teacher": "a"},
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


def test_a_run_keeps_values_without_effect(config):
    """An older run may have them; what contradicts itself is refused there too."""
    put(config, {"data.pad": 1, "augment.num_ops": 3})
    cfg.validate(config, of_run=True)
    with pytest.raises(ConfigError, match=r"data\.pad=1 .*nothing reads it"):
        cfg.validate(config)
    with pytest.raises(ConfigError, match="num_classes=9"):
        cfg.validate(put(config, {"model.num_classes": 9}), of_run=True)


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
    [({"optim": None}, "lacks optim.name"), ({"optims": {"lr": 1}}, "'optims.lr' is not a"),
     ({"ema": {}}, "lacks ema.decay"), ({"ema": {"deca": 0.1}}, "did you mean 'ema.decay'")],
)  # fmt: skip
def test_new_refuses_missing_and_unknown_keys(page, sections, says):
    """A page must have every key, and no others."""
    with pytest.raises(ConfigError, match=says):
        cfg.new(**(cfg.ordered(page) | sections))


@pytest.mark.parametrize(("old", "new"), cfg.RENAMED.items())
def test_renamed_keys_are_refused_with_the_new_name(page, old, new):
    """Only the rename is reported, not the new key as missing."""
    tree = cfg.ordered(page)
    section, _, key = old.partition(".")
    tree[section][key] = tree[section].pop(new.partition(".")[2])
    with pytest.raises(ConfigError) as e:
        cfg.new(**tree)
    assert str(e.value).startswith(f"{old!r} is now {new!r} (sections: ")


FROM_NUMPY = {
    "optim.lr": np.float32(0.5),
    "train.epochs": np.int64(3),
    "seed": np.array(3),
    "model.aux": np.bool_(True),
    "data.train_split": np.str_("train"),
    "data.area": np.array([0.5, 1.0]),
    "data.aspect": (np.float64(0.75), 1),
    "data.dir": Path("~/a"),
    "optim.clip": np.float64(2.0),
}


@pytest.mark.parametrize("assigned", [False, True])
def test_values_of_numpy(page, assigned):
    """Given to `new`, or assigned later, they become Python's, and JSON can hold them."""
    config = cfg.new(**page.to_dict()) if assigned else put(page, FROM_NUMPY)
    if assigned:
        for key, value in FROM_NUMPY.items():
            section, _, name = key.rpartition(".")
            setattr(config[section] if section else config, name, value)
    config = cfg.new(**config)
    cfg.validate(config)
    values = dict(cfg.flatten(config))
    got = json.loads(json.dumps([values[key] for key in FROM_NUMPY]))
    assert got == [0.5, 3.0, 3, True, "train", [0.5, 1.0], [0.75, 1], "~/a", 2.0]
    assert all(type(values[key]).__module__ == "builtins" for key in FROM_NUMPY)


def test_none_for_a_path(page):
    """What a script writes for a value that it does not have is refused; a text may be None."""
    for key in ("data.dir", "checkpoint.init"):
        with pytest.raises(ConfigError, match=f"--config.{key}=None: expected a path"):
            cfg.validate(put(cfg.new(**page.to_dict()), {key: "None"}))
