"""Tests of inception_jax.data.sources.listing and inception_jax.data.sources.files."""

import os
import time

import numpy as np
import pytest

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources import listing
from inception_jax.data.sources.files import Files
from inception_jax.data.sources.folder import Folder
from inception_jax.errors import ConfigError

CLASSES = ["ant", "bee", "cow"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A tree of three classes with 2, 0 and 3 images, long settled; every listing is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(listing, "WORTH", 1)
    root = tmp_path / "tree"
    for name, files in zip(
        CLASSES, (["b.jpg", "a.JPEG"], [], ["x.png", "é.jpg", "x2.png"]), strict=True
    ):
        (root / name).mkdir(parents=True)
        for file in [*files, "notes.txt", "._a.jpg"]:
            (root / name / file).write_bytes(b"")
        settle(root / name)
    return root


def settle(folder, seconds=100):
    """Makes a folder's last change one of `seconds` ago."""
    then = time.time() - seconds
    os.utime(folder, (then, then))


def listed(root, classes=CLASSES):
    """Labels and names of a listing."""
    found = listing.of(root, classes)
    return [(int(i), os.fsdecode(n)) for i, n in zip(found.labels, found.names, strict=True)]


EXPECTED = [(0, "a.JPEG"), (0, "b.jpg"), (2, "x.png"), (2, "x2.png"), (2, "é.jpg")]


def refuse(path):
    """Stands where a folder's files are listed."""
    raise AssertionError(f"{path} was listed again")


def test_files_come_by_class_and_name(root):
    """Images only, class by class, sorted; a class may be empty or have no folder."""
    assert listed(root) == EXPECTED
    assert listed(root, [*CLASSES, "dog"]) == EXPECTED
    assert listed(root, ["dog"]) == []


def test_a_second_listing_is_read(root, monkeypatch):
    """Nothing has changed: no folder is listed, and the same files come."""
    listed(root)
    monkeypatch.setattr(listing, "_images", refuse)
    assert listed(root) == EXPECTED


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "class"])
def test_a_change_is_seen(root, monkeypatch, change):
    """A file more, one less, another name, other classes: the list is made anew."""
    listed(root)
    if change == "added":
        (root / "bee" / "new.jpg").write_bytes(b"")
        assert (1, "new.jpg") in listed(root)
    elif change == "removed":
        (root / "ant" / "b.jpg").unlink()
        assert (0, "b.jpg") not in listed(root)
    elif change == "renamed":
        (root / "ant" / "b.jpg").rename(root / "ant" / "c.jpg")
        assert (0, "c.jpg") in listed(root)
    else:
        assert listed(root, ["ant", "cow"]) == [(min(i, 1), n) for i, n in EXPECTED]


def test_a_folder_that_just_changed_is_not_remembered(root, tmp_path):
    """A file may still be added within the clock's tick: such a list is not kept."""
    settle(root / "bee", seconds=0)
    listed(root)
    assert not (tmp_path / "cache").exists()


def test_few_files_are_not_remembered(root, tmp_path, monkeypatch):
    """A small tree leaves nothing in the home folder."""
    monkeypatch.setattr(listing, "WORTH", 6)
    listed(root)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", ["torn", "text", "empty"])
def test_a_damaged_memory_is_made_anew(root, tmp_path, damage):
    """What cannot be read is as if it were not there, and is replaced."""
    listed(root)
    (cache,) = (tmp_path / "cache").rglob("*.npz")
    whole = cache.read_bytes()
    cache.write_bytes({"torn": whole[: len(whole) // 2], "text": b"hello", "empty": b""}[damage])
    assert listed(root) == EXPECTED and cache.read_bytes() == whole


def test_a_home_that_cannot_be_written_costs_nothing(root, tmp_path, monkeypatch):
    """A file where the cache's folder should be: the listing works all the same."""
    (tmp_path / "cache").write_text("in the way")
    assert listed(root) == EXPECTED


def test_a_million_files_open_in_under_a_second(tmp_path, monkeypatch):
    """A remembered ImageNet, 1,000 real folders and a million names, opens without listing them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "tree" / "train"
    classes = [f"n{i:08d}" for i in range(1000)]
    for name in classes:
        (root / name).mkdir(parents=True)
        settle(root / name)
    made = listing.Listing(
        np.array([f"{c}_{i}.JPEG" for c in classes for i in range(1000)], np.bytes_),
        np.repeat(np.arange(1000, dtype=np.int32), 1000),
    )
    monkeypatch.setattr(listing, "_listed", lambda folders: made)
    listing.of(root, classes)
    monkeypatch.setattr(listing, "_listed", refuse)
    began = time.perf_counter()
    source = Folder(tmp_path / "tree", "train")
    assert time.perf_counter() - began < 1.0  # 0.05 s when quiet; the bound is 5 s
    assert len(source) == 1_000_000
    assert source.name(999_999) == "train/n00000999/n00000999_999.JPEG"
    assert source.label(999_999) == 999


def test_files_of_any_tree(tmp_path):
    """Images however deep, sorted; a gone one is a bad image; nothing to read is refused."""
    for name in ("b/x.jpg", "a.png", "b/c/y.JPG", "b/readme.md", ".hidden.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    files = Files(tmp_path)
    assert [files.name(i) for i in range(len(files))] == ["a.png", "b/c/y.JPG", "b/x.jpg"]
    assert files.stored(2) == b"b/x.jpg" and files.label(2) == 0
    (tmp_path / "a.png").unlink()
    with pytest.raises(BadImageError):
        files.stored(0)
    for nothing in (tmp_path / "nowhere", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match="expected"):
            Files(nothing)
