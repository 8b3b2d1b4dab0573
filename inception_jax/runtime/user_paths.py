"""Paths and lists that a user writes, and the folder for caches, also where there is no home."""

import os
import pwd
from pathlib import Path

from inception_jax.errors import ConfigError


def home() -> Path | None:
    """The home folder; None for a user without one, as in many containers."""
    try:
        return Path(os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path as a shell would read it: `~` is the home folder, `~name` that of a user.

    Raises:
        ConfigError: there is no home folder.
    """
    text = os.fspath(path)
    if text.partition("/")[0] != "~":
        return Path(os.path.expanduser(text))  # noqa: PTH111: leaves unknown names as they are
    if (folder := home()) is None:
        raise ConfigError(f"{text}: expected a home folder for ~, found none; set HOME")
    return folder / text[2:]


def cache_home() -> Path | None:
    """`$XDG_CACHE_HOME`, which must be absolute, or `~/.cache`; None without a home."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if folder.is_absolute():
        return folder
    base = home()
    return base / ".cache" if base else None


def read_text(path: str | os.PathLike[str], flag: str) -> str:
    """The text of a file that a flag names: UTF-8, with or without a byte order mark.

    Raises:
        ConfigError: it cannot be read, or is in another encoding.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{flag}={path}: expected a readable file of text in UTF-8; {e}") from e
