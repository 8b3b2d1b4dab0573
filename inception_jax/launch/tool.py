"""A scheduler's own tool: called, and what it refuses passed on."""

import shlex
import shutil
import subprocess

from inception_jax.errors import ConfigError


def need(name: str, otherwise: str = "install it") -> None:
    """Refuses to go on without a tool.

    Raises:
        ConfigError: it is not on this machine.
    """
    if not shutil.which(name):
        raise ConfigError(f"expected {name} on this machine: {otherwise}, or --print")


def call(*words: str, shown: bool = False) -> str:
    """Runs a tool; what it prints, unless that is shown to the user as it comes.

    Raises:
        ConfigError: it ends badly.
    """
    pipe = None if shown else subprocess.PIPE
    done = subprocess.run(words, stdout=pipe, stderr=pipe, text=True)
    if done.returncode:
        said = f": {done.stderr.strip()}" if done.stderr else ""
        raise ConfigError(f"`{shlex.join(words)}` ended with code {done.returncode}{said}")
    return (done.stdout or "").strip()
