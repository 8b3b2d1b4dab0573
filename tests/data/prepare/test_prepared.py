"""Tests of inception_jax.data.prepare.prepared."""

import fcntl
import json
import os

import pytest

from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.pack import pack
from inception_jax.errors import ConfigError, DataError, DiskFullError
from inception_jax.workdir import disk_space

SET = "tiny/1.0.0"


def test_a_checksum_for_each_shard(root, tmp_path):
    """`checksums.json` has the sha256 of every shard; a damaged or missing shard is named."""
    pack(root, tmp_path, "tiny", shard_bytes=9000)
    shards = sorted((tmp_path / SET).glob("tiny-*"))
    digests = json.loads((tmp_path / SET / "checksums.json").read_text())["shards"]
    assert digests == {path.name: prepared.sha256(path) for path in shards}
    assert prepared.verify(tmp_path / SET) == len(shards)
    data = bytearray(shards[2].read_bytes())
    data[len(data) // 3] ^= 4
    shards[2].write_bytes(data)
    shards[4].unlink()
    with pytest.raises(DataError, match=f"2 of {len(shards)} shards") as caught:
        prepared.verify(tmp_path / SET)
    assert f"{shards[2].name}: expected sha256" in str(caught.value)
    assert f"{shards[4].name}: missing" in str(caught.value)
    assert shards[3].name not in str(caught.value)


def test_too_little_room(root, tmp_path, monkeypatch):
    """Refused before anything is written, with both sizes."""
    sizes = sum(path.stat().st_size for path in root.rglob("*.png"))
    monkeypatch.setattr(disk_space, "free_bytes", lambda path: sizes)
    with pytest.raises(DiskFullError, match=rf"tiny needs [\d,]+ bytes in .*, {sizes:,} are free"):
        pack(root, tmp_path / "out", "tiny")
    assert not list((tmp_path / "out").iterdir())


def test_one_process_at_a_time(root, tmp_path):
    """A second packing of the same set is refused while the first one runs."""
    staging = tmp_path / ".preparing/tiny"
    staging.mkdir(parents=True)
    handle = os.open(staging, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(ConfigError, match="another process prepares tiny"):
        pack(root, tmp_path, "tiny")
    os.close(handle)
    pack(root, tmp_path, "tiny")
