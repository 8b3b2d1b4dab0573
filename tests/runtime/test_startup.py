"""Tests the setup of a process that uses JAX."""

import os
import pwd
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from inception_jax.errors import ConfigError
from inception_jax.runtime import startup, user_paths


@pytest.mark.parametrize("xdg", [None, "", "relative/cache"])
@pytest.mark.parametrize("home", ["/home/me", "", None])
def test_caches_of_a_home(monkeypatch, xdg, home):
    """XDG's folder must be absolute; an empty HOME is none, and then it is the account's."""
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    for name, value in (("XDG_CACHE_HOME", xdg), ("HOME", home)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    account = Path(pwd.getpwuid(os.getuid()).pw_dir)
    base = Path(home) if home else account
    assert startup.cache_folder() == base / ".cache/inception_jax/xla"
    assert user_paths.expanded("~/a") == base / "a" and user_paths.expanded("~") == base
    assert user_paths.expanded("~root/a") == Path("/root/a")
    assert user_paths.expanded("~no_such_user/a~") == Path("~no_such_user/a~")


def test_no_home(monkeypatch):
    """A user id without an account, as in containers: no cache, and `~` is refused by name."""
    for name in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(user_paths.os, "getuid", lambda: 54321)
    assert startup.cache_folder() is None
    with pytest.raises(ConfigError, match=r"^~/a: .*set HOME"):
        user_paths.expanded("~/a")


@pytest.mark.parametrize("error", [RuntimeError("Backend 'x' is not known. (set JAX_P"), OSError()])
def test_a_platform_that_is_not_there(monkeypatch, error):
    """One line with the variable's value; without one JAX's own error."""

    def devices():
        raise error

    monkeypatch.setattr(jax, "devices", devices)
    for asked in ("cpu", ""):
        config = SimpleNamespace(jax_platforms=asked, update=lambda *_: None)
        monkeypatch.setattr(jax, "config", config)
        with pytest.raises(ConfigError if asked else type(error)) as e:
            startup.start()
        assert not asked or re.match(r"JAX_PLATFORMS=cpu: expected[^\n]*$", str(e.value))


def test_flags_of_xla():
    """A wrong one is refused before XLA ends the process with 1."""
    code = "from inception_jax.runtime import startup; startup.check_xla_flags()"
    got = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "XLA_FLAGS": "--xla_nonsense=1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "ConfigError: XLA_FLAGS=--xla_nonsense=1: expected flags of XLA; Unknown" in got.stderr


def test_cache_folder(monkeypatch):
    """JAX's own variable, then XDG's; empty turns the cache off."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    assert startup.cache_folder() == Path("/caches/inception_jax/xla")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/mine")
    assert startup.cache_folder() == Path("/mine")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "~/mine")
    assert startup.cache_folder() == Path("/home/me/mine")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    assert startup.cache_folder() is None


def test_age_grows():
    """In seconds, from the start of the process."""
    first = startup.age()
    time.sleep(0.05)
    assert 0 < first < startup.age() < 86400


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_start(monkeypatch, dtype):
    """The cache is on, of programs for as many cores; double precision only if it is asked for."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/mine")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7})
    updates = {}
    monkeypatch.setattr(jax.config, "update", updates.__setitem__)
    startup.start(dtype)
    assert updates["jax_compilation_cache_dir"] == "/mine/3-cores"
    assert updates.get("jax_enable_x64", False) is (dtype == "float64")


def test_texts_of_a_user(tmp_path):
    """With or without a byte order mark; another encoding or a folder is one line with the flag."""
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "list").write_text("é\nb", encoding=encoding)
        assert user_paths.read_text(tmp_path / "list", "--subset") == "é\nb"
    (tmp_path / "list").write_text("é", encoding="utf-16")
    for path in (tmp_path, tmp_path / "list"):
        with pytest.raises(ConfigError, match=r"^--subset=.*: expected a readable file[^\n]*$"):
            user_paths.read_text(path, "--subset")
