"""Tests the setup of a process that uses JAX."""

import time
from pathlib import Path

import jax
import pytest

from inception_jax.runtime import startup


def test_cache_folder(monkeypatch):
    """JAX's own variable, then XDG's; empty turns the cache off."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    assert startup.cache_folder() == Path("/caches/inception_jax/xla")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/mine")
    assert startup.cache_folder() == Path("/mine")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    assert startup.cache_folder() is None


def test_age_grows():
    """In seconds, from the start of the process."""
    first = startup.age()
    time.sleep(0.05)
    assert 0 < first < startup.age() < 86400


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_start(monkeypatch, dtype):
    """The cache is on; double precision only if it is asked for."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/mine")
    updates = {}
    monkeypatch.setattr(jax.config, "update", updates.__setitem__)
    startup.start(dtype)
    assert updates["jax_compilation_cache_dir"] == "/mine"
    assert updates.get("jax_enable_x64", False) is (dtype == "float64")
