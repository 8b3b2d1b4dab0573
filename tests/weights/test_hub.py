"""Tests `hub`: what is refused before, and reported after, a download."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from inception_jax import weights
from inception_jax.errors import ConfigError, DataError


def test_a_name_that_is_not_a_hub_name():
    """The message has an example."""
    with pytest.raises(ConfigError, match=r"timm/inception_v4\.tf_in1k"):
        weights.download("timm:inception_v4")


def test_downloads(monkeypatch, tmp_path):
    """model.safetensors of the name, from the cache if it is there, or the reason why not."""

    def download(name, file):
        if name == "timm/none":
            raise OSError("no network\nand more")
        return str(tmp_path / name / file)

    asked = []
    session = SimpleNamespace(head=lambda url, timeout: asked.append(url))
    hub = SimpleNamespace(
        hf_hub_download=download, get_session=lambda: session,
        constants=SimpleNamespace(ENDPOINT="https://hub"),
        try_to_load_from_cache=lambda name, file: "/c/model" if name == "timm/cached" else None,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert weights.download("timm/cached") == Path("/c/model") and not asked
    assert weights.download("timm/a") == tmp_path / "timm" / "a" / "model.safetensors"
    with pytest.raises(DataError, match=r"failed \(no network\); fetch model.safetensors"):
        weights.download("timm/none")


def test_offline(monkeypatch):
    """One attempt, one message: the hub's client would try six times."""

    def unreachable(url, timeout):
        raise OSError("Name or service not known")

    hub = SimpleNamespace(
        get_session=lambda: SimpleNamespace(head=unreachable),
        constants=SimpleNamespace(ENDPOINT="https://hub"),
        try_to_load_from_cache=lambda name, file: None,
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(DataError, match=r"\(Name or service not known\); fetch model"):
        weights.download("timm/a")


def test_the_client_is_missing(monkeypatch):
    """The extra that installs it is named."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"inception-jax\[weights\]"):
        weights.download("timm/a")
