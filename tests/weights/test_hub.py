"""Tests `hub`: what is refused before, and reported after, a download."""

import sys
from types import SimpleNamespace

import pytest

from inception_jax import weights
from inception_jax.errors import ConfigError, DataError


def test_a_name_that_is_not_a_hub_name():
    """The message has an example."""
    with pytest.raises(ConfigError, match=r"timm/inception_v4\.tf_in1k"):
        weights.download("timm:inception_v4")


def test_downloads(monkeypatch, tmp_path):
    """model.safetensors of the name, or the reason why it could not be downloaded."""

    def download(name, file):
        if name == "timm/none":
            raise OSError("no network\nand more")
        return str(tmp_path / name / file)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=download))
    assert weights.download("timm/a") == tmp_path / "timm" / "a" / "model.safetensors"
    with pytest.raises(DataError, match=r"failed \(no network\); fetch model.safetensors"):
        weights.download("timm/none")


def test_the_client_is_missing(monkeypatch):
    """The extra that installs it is named."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"inception-jax\[weights\]"):
        weights.download("timm/a")
