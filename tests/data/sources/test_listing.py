"""Tests of inception_jax.data.sources.listing: the rule for image files, and cached lists."""

import os
import time

import numpy as np
import pytest

from inception_jax.data.images import kind
from inception_jax.data.prepare.manifest import of_folder
from inception_jax.data.sources import listing
from inception_jax.data.sources.files import Files
from inception_jax.data.sources.folder import Folder
from inception_jax.data.sources.left_out import LeftOut
from inception_jax.errors import ConfigError
from inception_jax.eval import predict
from tests.data.pictures import encoded, gradient

# Names in a class folder, and whether the rule takes them.
IMAGES = ("a.jpg", "b.JPEG", "c.png", "d.bmp", "e.WebP", "link.jpg")
OTHERS = (
    "._a.jpg", ".jpg", ".hidden/x.jpg", "notes.txt", "jpg", "folder.jpg/readme.md", "broken.png",
    "loop.jpg",
)  # fmt: skip


def names(source) -> list[str]:
    return [source.name(i) for i in range(len(source))]


def packed(root) -> list[str]:
    return [image.path for shard in of_folder(root, "set", 10**9, "train", ()).shards
            for image in shard.images]  # fmt: skip


USERS = {
    "files": lambda root: names(Files(root)),
    "folder": lambda root: names(Folder(root, "train")),
    "pack": packed,
    "predict": lambda root: [str(p.relative_to(root)) for p in predict.image_files([root])[0]],
}


@pytest.mark.parametrize("user", USERS)
def test_every_user_has_one_rule(tmp_path, user, monkeypatch):
    """Suffix in any case, not hidden, a file or a link to one; the same for every command."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "root/train/ant"
    for name in (*IMAGES[:-1], *OTHERS[:-2]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"an image")
    (folder / "link.jpg").symlink_to(folder / "notes.txt")
    (folder / "broken.png").symlink_to(folder / "nowhere")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    assert sorted(USERS[user](tmp_path / "root")) == [f"train/ant/{name}" for name in IMAGES]


@pytest.mark.parametrize("suffix", listing.FORMATS)
def test_a_suffix_has_the_format_of_its_files(suffix):
    """What OpenCV writes under a suffix is read as the format in the table."""
    assert kind.examine(encoded(gradient(), suffix)).name == listing.FORMATS[suffix]


def test_a_linked_folder_is_listed_once(tmp_path):
    """Links are followed after folders; not to one that is listed, nor to one above."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for name in ("root/deep/a.jpg", "outside/b.jpg", "outside/in/c.jpg", "d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name, target in {
        "root/aa": root / "deep", "root/deep/up": root, "root/deep/above": tmp_path,
        "root/out": outside, "root/out2": outside, "root/out1": outside / "in",
        "outside/back": root, "outside/slash": "/", "link": root,
    }.items():  # fmt: skip
        (tmp_path / name).symlink_to(target)
    images, left_out = listing.images_below(tmp_path / "link")
    assert images == ["deep/a.jpg", "out/b.jpg", "out/in/c.jpg"]
    assert left_out.json() == {listing.AGAIN: {"count": 7, "names": [
        "aa", "deep/above", "deep/up", "out/back", "out/slash", "out1", "out2",
    ]}}  # fmt: skip


def test_what_is_left_out_is_counted_and_named(tmp_path, monkeypatch):
    """By reason, and up to ten names each; the same from the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(listing, "CACHED_FILES", 1)
    ant = tmp_path / "root/train/ant"
    for name in ("a.png", "._a.png", "b.tif", "sub/c.png", *(f"{i:02}.txt" for i in range(12))):
        (ant / name).parent.mkdir(parents=True, exist_ok=True)
        (ant / name).touch()
    (ant / "gone.png").symlink_to("nowhere")
    (ant / "loop.png").symlink_to("loop.png")
    (ant / "deaf.png").symlink_to(ant / "a.png/x")
    os.mkfifo(ant / "pipe.png")
    (ant.parent / "zoo").symlink_to("ant")
    (ant.parent / "d\n.png").touch()
    settle(ant)
    expected = [
        "train: 21 left out",
        r"  images beside the folders (1): d\n.png",
        "  hidden (1): ant/._a.png",
        "  without the suffix .jpg, .jpeg, .png, .bmp, .webp (13): "
        f"{', '.join(f'ant/{i:02}.txt' for i in range(10))} and 3 more",
        "  links that cannot be followed (3): ant/deaf.png, ant/gone.png, ant/loop.png",
        "  neither files nor folders (1): ant/pipe.png",
        "  folders in a class (1): ant/sub",
        f"  {listing.AGAIN} (1): zoo",
    ]
    for _ in range(2):
        source = Folder(tmp_path / "root", "train")
        assert names(source) == ["train/ant/a.png"] and source.classes == ("ant", "zoo")
        assert list(source.left_out.lines("train")) == expected
        monkeypatch.setattr(listing, "_listed", refuse)


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    """It ends the command, by name: an image set without it would be another."""
    (tmp_path / "root/train/ant").mkdir(parents=True)

    def forbidden(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listing.os, "scandir", forbidden)
    for read in (Files, lambda root: Folder(root, "train")):
        with pytest.raises(ConfigError, match=r"root\S*: Permission denied"):
            read(tmp_path / "root")


CLASSES = ["ant", "bee", "cow"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A tree of three classes with 2, 0 and 3 images, unchanged for long; every list is cached."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(listing, "CACHED_FILES", 1)
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
    """Set a folder's last change to `seconds` ago."""
    then = time.time() - seconds
    os.utime(folder, (then, then))


def listed(root, classes=CLASSES):
    """Labels and names of a listing."""
    found = listing.of(root, classes)
    return [(int(i), os.fsdecode(n)) for i, n in zip(found.labels, found.names, strict=True)]


EXPECTED = [(0, "a.JPEG"), (0, "b.jpg"), (2, "x.png"), (2, "x2.png"), (2, "é.jpg")]


def refuse(path):
    """Replaces the listing of a folder."""
    raise AssertionError(f"{path} was listed again")


def test_files_come_by_class_and_name(root):
    """Images only, class by class, sorted; a class may be empty or have no folder."""
    assert listed(root) == EXPECTED
    assert listed(root, [*CLASSES, "dog"]) == EXPECTED
    assert listed(root, ["dog"]) == []


def test_a_second_list_is_read_from_the_cache(root, monkeypatch):
    """Without a change no folder is listed again."""
    listed(root)
    monkeypatch.setattr(listing, "_images", refuse)
    assert listed(root) == EXPECTED


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "class"])
def test_a_change_is_seen(root, monkeypatch, change):
    """A file added, removed or renamed, or other classes: the folders are listed again."""
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


def test_a_folder_that_just_changed_is_not_cached(root, tmp_path):
    """Another file may be added within the clock's resolution, so the list is not cached."""
    settle(root / "bee", seconds=0)
    listed(root)
    assert not (tmp_path / "cache").exists()


def test_few_files_are_not_cached(root, tmp_path, monkeypatch):
    """A small tree leaves nothing in the home folder."""
    monkeypatch.setattr(listing, "CACHED_FILES", 6)
    listed(root)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", ["torn", "text", "empty"])
def test_a_damaged_cache_is_replaced(root, tmp_path, damage):
    """A file that cannot be read counts as none."""
    listed(root)
    (cache,) = (tmp_path / "cache").rglob("*.npz")
    whole = cache.read_bytes()
    cache.write_bytes({"torn": whole[: len(whole) // 2], "text": b"hello", "empty": b""}[damage])
    assert listed(root) == EXPECTED and cache.read_bytes() == whole


def test_a_cache_that_cannot_be_written(root, tmp_path, monkeypatch):
    """A file in the place of the cache's folder: the files are listed all the same."""
    (tmp_path / "cache").write_text("in the way")
    assert listed(root) == EXPECTED


def test_a_million_files_open_in_under_a_second(tmp_path, monkeypatch):
    """A cached ImageNet, 1,000 real folders and a million names, opens without listing them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "tree" / "train"
    classes = [f"n{i:08d}" for i in range(1000)]
    for name in classes:
        (root / name).mkdir(parents=True)
        settle(root / name)
    million = listing.Listing(
        np.array([f"{c}_{i}.JPEG" for c in classes for i in range(1000)], np.bytes_),
        np.repeat(np.arange(1000, dtype=np.int32), 1000),
        LeftOut(),
    )
    monkeypatch.setattr(listing, "_listed", lambda *_: million)
    listing.of(root, classes)
    monkeypatch.setattr(listing, "_listed", refuse)
    began = time.perf_counter()
    source = Folder(tmp_path / "tree", "train")
    assert time.perf_counter() - began < 1.0  # 0.05 s on a quiet machine
    assert len(source) == 1_000_000
    assert source.name(999_999) == "train/n00000999/n00000999_999.JPEG"
    assert source.label(999_999) == 999
