"""Tests `launch/tool.py`: a missing tool, and a failing one."""

import pytest

from inception_jax.errors import ConfigError
from inception_jax.launch import tool


def test_a_missing_tool_is_named():
    """With advice, and --print as the alternative."""
    with pytest.raises(ConfigError, match=r"no_such_tool on .*: pip install it, or use --print"):
        tool.require("no_such_tool", "pip install it")
    tool.require("sh")


def test_output_and_errors():
    """Output is returned; a failure carries the command, its code and its stderr."""
    assert tool.run("echo", "a b") == "a b"
    with pytest.raises(ConfigError, match=r"`sh -c .*` ended with code 3: no"):
        tool.run("sh", "-c", "echo no >&2; exit 3")
