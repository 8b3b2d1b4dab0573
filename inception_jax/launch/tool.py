"""A scheduler's own command-line tool: check that it is installed, run it, pass its errors on."""

import shlex
import shutil
import subprocess

from inception_jax.errors import ConfigError


def require(name: str, advice: str = "install it") -> None:
    """Check that a tool is on PATH.

    Raises:
        ConfigError: it is not installed on this machine.
    """
    if not shutil.which(name):
        raise ConfigError(f"expected {name} on this machine: {advice}, or use --print")


def run(*words: str, show: bool = False) -> str:
    """Run a tool and return its output; with `show` the output goes to the terminal instead.

    Raises:
        ConfigError: the exit code is not 0.
    """
    pipe = None if show else subprocess.PIPE
    result = subprocess.run(words, stdout=pipe, stderr=pipe, text=True)
    if result.returncode:
        error = f": {result.stderr.strip()}" if result.stderr else ""
        raise ConfigError(f"`{shlex.join(words)}` ended with code {result.returncode}{error}")
    return (result.stdout or "").strip()
