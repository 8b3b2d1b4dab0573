"""Tests of inception_jax.data.prepare.pack_state."""

import hashlib

import pytest

from inception_jax.data.prepare.contract import Contract
from inception_jax.data.prepare.pack_state import PackState
from inception_jax.errors import ConfigError

SMALL = Contract(40, 90)
ROW = {"sha256": "", "length": 3, "unreadable": {}}


def test_continues(tmp_path, capsys):
    """A shard counts if its bytes are those that were written."""
    state = PackState(tmp_path, "plan", SMALL)
    (state.folder / "a").write_bytes(b"a")
    state.add("a", {**ROW, "sha256": "other bytes"})
    (state.folder / "b").write_bytes(b"b")
    state.add("b", {**ROW, "sha256": _sha(b"b")})
    again = PackState(tmp_path, "plan", SMALL)
    assert list(again.done) == ["b"] and [p.name for p in again.folder.iterdir()] == ["b"]
    assert "continuing: 1 shards are complete" in capsys.readouterr().err


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("other", "says"),
    [(Contract(40, 80), "quality 90, not 80"), (Contract(), "side 40, not 0"),
     (Contract(40, raw=True), "raw False, not True")],
)  # fmt: skip
def test_another_contract_is_refused(tmp_path, other, says):
    """The work of hours is neither mixed with another contract's nor thrown away."""
    state = PackState(tmp_path, "plan", SMALL)
    (state.folder / "a").write_bytes(b"a")
    state.add("a", {**ROW, "sha256": _sha(b"a")})
    with pytest.raises(ConfigError, match=f"unfinished set with .*{says}"):
        PackState(tmp_path, "another plan", other)
    assert (state.folder / "a").exists() and list(PackState(tmp_path, "plan", SMALL).done) == ["a"]


def test_another_version_is_refused(tmp_path, monkeypatch):
    """Another version of a library may give other bytes."""
    from inception_jax.data.prepare import contract

    PackState(tmp_path, "plan", SMALL).add("a", ROW)
    monkeypatch.setattr(contract, "versions", lambda: {"pillow": "0"})
    with pytest.raises(ConfigError, match="versions"):
        PackState(tmp_path, "plan", SMALL)
