"""Tests of inception_jax.data.sources.files."""

import pytest

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.files import Files
from inception_jax.errors import ConfigError


def test_files_of_any_tree(tmp_path):
    """Images in any depth, sorted; a removed one is a bad image; none at all is refused."""
    for name in ("b/x.jpg", "a.png", "b/c/y.JPG", "b/readme.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = Files(tmp_path)
    assert [found.name(i) for i in range(len(found))] == ["a.png", "b/c/y.JPG", "b/x.jpg"]
    assert found.stored(2) == b"b/x.jpg" and found.label(2) == 0
    (tmp_path / "a.png").unlink()
    with pytest.raises(BadImageError):
        found.stored(0)
    for nothing in (tmp_path / "nowhere", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match="expected"):
            Files(nothing)
