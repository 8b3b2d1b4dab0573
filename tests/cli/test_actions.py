"""Tests `inception_jax/cli/actions.py`: usage and unknown actions."""

import importlib

import pytest

from inception_jax.cli import actions
from inception_jax.errors import ConfigError


@pytest.mark.parametrize("command", actions.ACTIONS)
def test_every_action_is_a_module(command, capsys):
    """The usage has a line for each, whose help begins with the same words."""
    assert actions.run(command, ["--help"]) is None
    lines = capsys.readouterr().out.splitlines()
    for line, name in zip(lines, actions.names(command), strict=False):
        module = importlib.import_module(f"inception_jax.cli.{command}_{name}")
        assert line.startswith(f"inception-jax {command} {name} ") and len(line) <= 100
        assert module.__doc__.startswith(f"inception-jax {command} {name} ")


@pytest.mark.parametrize(
    ("argv", "got"),
    [([], "no action; for example: inception-jax ckpt ls runs/"),
     (["lss"], "lss; did you mean 'ls'.")],
)  # fmt: skip
def test_unknown_actions(argv, got):
    """All actions are named, and the nearest one or an example."""
    with pytest.raises(ConfigError, match=f"`ckpt ls` or `ckpt verify` or `ckpt diff`, got {got}"):
        actions.run("ckpt", argv)
