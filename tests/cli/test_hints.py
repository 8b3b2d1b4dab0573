"""Tests the hints for misspelt words of a command line."""

import pytest

from inception_jax import config as cfg
from inception_jax.cli import hints


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


@pytest.mark.parametrize(("old", "new"), cfg.RENAMED.items())
def test_renamed_key(old, new):
    """The message has the new name as a flag."""
    assert hints.unknown_key(old) == f"--config.{old} is now --config.{new}"
