"""Actions: the commands of a command, such as `ckpt ls`, each a module of its own."""

import importlib
from collections.abc import Sequence

from inception_jax.cli.flags import HELP
from inception_jax.errors import ConfigError


def run(command: str, actions: Sequence[str], usage: str | None, argv: list[str]) -> int | None:
    """Runs the action that the first word names, cli/<command>_<action>.py; or prints the usage.

    Args:
        command: such as ckpt.
        actions: that it has.
        usage: of the command.
        argv: what stands behind the command.

    Raises:
        ConfigError: the word names none of them.
    """
    action = argv[0] if argv else None
    if action in HELP:
        print((usage or "").strip())
        return None
    if action not in actions:
        there = " or ".join(f"`{command} {a}`" for a in actions)
        raise ConfigError(f"expected {there}, got {action or 'none of them'}")
    return importlib.import_module(f"inception_jax.cli.{command}_{action}").main(argv[1:])
