"""Tests `store`: the cache of plans."""

from importlib import metadata

import pytest

from inception_jax.plan import store
from inception_jax.runtime import distributed
from tests.tiny import digits


def test_plans_are_cached(monkeypatch, tmp_path):
    """Until config, devices or code change; without a compilation cache there is none."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    calls = []

    def make():
        calls.append(1)
        return {"n": len(calls)}

    one, other = store.key(digits(), "v5e 4"), store.key(digits(seed=1), "v5e 4")
    assert one == store.key(digits(), "v5e 4") != other != store.key(digits(), "v5e 8")
    assert store.cached(one, make) == {"n": 1, "cached": False}
    assert store.cached(one, make) == {"n": 1, "cached": True}
    assert store.cached(other, make) == {"n": 2, "cached": False}
    monkeypatch.setattr(distributed, "code_digest", lambda: "other")
    assert store.key(digits(), "v5e 4") != one
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    assert store.cached(one, make) == {"n": 3, "cached": False}


@pytest.mark.parametrize("package", ["libtpu", "jax-cuda13-plugin", "nvidia-cudnn-cu13"])
def test_a_plan_is_of_a_compiler(monkeypatch, package):
    """Another version of a device's compiler or library is another plan."""
    before = store.key(digits(), "h100-8")
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda n: "9.9" if n == package else real(n))
    assert store.key(digits(), "h100-8") != before
