"""Tests the free space of paths that do not exist yet."""

import shutil

from inception_jax.workdir import disk_space


def test_the_nearest_folder_that_exists_is_asked(tmp_path, monkeypatch):
    """A new workdir has the room of the folder in which it will be made."""
    asked = []

    def usage(path):
        asked.append(path)
        return shutil._ntuple_diskusage(3, 2, 1)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert disk_space.free_bytes(tmp_path / "a" / "b") == 1
    assert disk_space.free_bytes(tmp_path) == 1
    assert asked == [tmp_path, tmp_path]
