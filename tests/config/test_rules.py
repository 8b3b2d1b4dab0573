"""Tests the rules of single values: what each admits, and the message when it does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax import config as cfg
from inception_jax.errors import ConfigError

MOST = 2**31 - 1

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
    "data.threads": ([1, 1024, -1], [0, 1025, -2]),
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


def test_renamed_keys_are_gone_and_their_new_names_exist():
    """An old name is no key, a new one is."""
    assert not cfg.RENAMED.keys() & cfg.RULES.keys()
    assert set(cfg.RENAMED.values()) <= set(cfg.RULES)
