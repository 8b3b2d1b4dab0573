"""Tests `devices`: virtual devices, and topologies that are refused. Others: test_tpu.py."""

import jax
import pytest

from inception_jax.errors import ConfigError
from inception_jax.plan import devices


def test_virtual_devices():
    """The CPU's, eight in the tests."""
    assert [d.platform for d in devices.virtual()] == 8 * ["cpu"]


@pytest.mark.parametrize("name", ["h100-8", "v5e-12", "v5e:9x9x9"])
def test_unknown_topologies(name, monkeypatch):
    """The message has the flag and an example."""
    monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "1")
    monkeypatch.setenv("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    with pytest.raises(ConfigError, match=f"--topology={name}: expected"):
        devices.topology(name)
    assert jax.default_backend() == "cpu"
