"""Tests the reader and writer of classes.json."""

import pytest

from inception_jax.errors import ConfigError
from inception_jax.workdir import class_names


def test_names_are_read_back_and_completed(tmp_path):
    """Outputs without a name are numbered; without a file there are no names."""
    assert class_names.read(tmp_path) == []
    assert class_names.read(tmp_path, 2) == ["class 0", "class 1"]
    class_names.write(tmp_path, ("Spaß", "b"))
    assert class_names.read(tmp_path) == ["Spaß", "b"]
    assert class_names.read(tmp_path, 3) == ["Spaß", "b", "class 2"]


@pytest.mark.parametrize("text", [b"", b"{}", b"[5]", b"[" * 200_000, b"\xff"])
def test_a_damaged_file(tmp_path, text):
    """It is named, with what to do."""
    (tmp_path / "classes.json").write_bytes(text)
    with pytest.raises(ConfigError, match=r"classes\.json is damaged .*; put a copy"):
        class_names.read(tmp_path)
