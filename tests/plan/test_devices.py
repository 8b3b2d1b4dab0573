"""Tests `devices`: virtual devices, and topologies that are refused; test_{tpu,cuda}.py compile."""

import jax
import pytest

from inception_jax.errors import ConfigError
from inception_jax.plan import chips, devices


def test_virtual_devices():
    """The CPU's, eight in the tests."""
    assert [d.platform for d in devices.virtual()] == 8 * ["cpu"]


@pytest.mark.parametrize("name", ["h99-8", "h100-12", "v5e-12", "v5e:9x9x9"])
def test_unknown_topologies(name, monkeypatch):
    """The message has the flag and an example."""
    monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "1")
    monkeypatch.setenv("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    with pytest.raises(ConfigError, match=f"--topology={name}: expected"):
        devices.topology(name)
    assert jax.default_backend() == "cpu"


@pytest.mark.parametrize(("name", "extra"), [("v5e-8", "tpu"), ("h100-8", "cuda13")])
def test_a_compiler_that_is_not_installed(name, extra, monkeypatch):
    """The message has the packages to install."""
    chip = chips.named(name)
    assert chip is not None
    for variable, value in chip.ENVIRONMENT:
        monkeypatch.setenv(variable, value)

    def refuse(**_):
        raise RuntimeError("not here")

    monkeypatch.setattr("jax.experimental.topologies.get_topology_desc", refuse)
    with pytest.raises(ConfigError, match=rf"pip install 'inception-jax\[{extra}\]' \(not here"):
        devices.topology(name)
