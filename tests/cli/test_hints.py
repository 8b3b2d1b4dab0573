"""Tests `inception_jax/cli/hints.py`: suggestions for misspelt words."""

import pytest

from inception_jax.cli import hints
from inception_jax.config import RULES
from inception_jax.errors import ConfigError


def test_names_of_other_codebases_lead_to_keys():
    """Every target is a key, and no name is one itself."""
    assert set(hints.ELSEWHERE.values()) <= RULES.keys()
    assert not {key.split(".")[-1] for key in RULES} & (hints.ELSEWHERE.keys() - {"split"})


@pytest.mark.parametrize(
    ("key", "near"),
    [("optim.momentun", "optim.momentum"), ("train.batch_size", "data.batch_size"),
     ("optim.learning_rate", "optim.lr"), ("qqq", None)],
)  # fmt: skip
def test_near_key(key, near):
    """By spelling, by the key's name in another section, by other codebases' names."""
    assert hints.near_key(key) == near


def test_words_after_two_dashes_are_not_checked():
    """`--` ends the flags."""
    hints.check(["--", "--anything"], ["top"])
    with pytest.raises(ConfigError, match="unknown flag --anything"):
        hints.check(["--anything"], ["top"])
