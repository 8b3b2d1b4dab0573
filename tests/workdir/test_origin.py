"""Tests `workdir/origin.py`: what the start of an attempt records."""

import shlex
import subprocess
from types import SimpleNamespace

import pytest

from inception_jax.workdir import origin


def test_facts(monkeypatch):
    """Command, devices and data; no environment variable."""
    monkeypatch.setenv("SECRET", "hunter2")
    monkeypatch.setattr(origin.sys, "argv", ["/usr/bin/inception-jax", "train", "--workdir=a b"])
    found = origin.facts([SimpleNamespace(device_kind="TPU v4")] * 4, 1437, 10, "slim")
    assert shlex.split(found["command"]) == ["inception-jax", "train", "--workdir=a b"]
    assert found["devices"] == {"kind": "TPU v4", "count": 4} and found["dialect"] == "slim"
    assert found["data"] == {"images": 1437, "classes": 10}
    assert {"python", "jax", "jaxlib", "flax", "inception_jax"} == set(found["versions"])
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("changed", [False, True])
def test_the_commit_of_a_checkout(tmp_path, monkeypatch, changed):
    """Its short hash, and whether a file differs; nothing outside of a checkout."""
    monkeypatch.setattr(origin, "PACKAGE", tmp_path / "package")
    (tmp_path / "package").mkdir()
    assert origin.revision() == {}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "package/a.py").write_text("1")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    if changed:
        (tmp_path / "package/a.py").write_text("2")
    line = [*git, "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()
    assert origin.revision() == {"git": commit, "changed": changed}
