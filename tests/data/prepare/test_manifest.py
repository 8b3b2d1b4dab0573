"""Tests of inception_jax.data.prepare.manifest."""

import shutil
from pathlib import Path

import pytest

from inception_jax.data.prepare.manifest import Manifest, of_folder
from inception_jax.data.sources.folder import Folder
from inception_jax.errors import ConfigError
from tests.data.pictures import tree

SIZES = {"train": {"ant": 30, "bee": 41, "cow": 0}, "test": {"ant": 5, "cow": 2}}


def manifest(root: Path, shard_bytes: int = 2000, train: str = "train", splits=()) -> Manifest:
    return of_folder(root, "tiny", shard_bytes, train, splits)


def test_every_image_once(tmp_path):
    """Each image of each split is in one shard, with its label; shard sizes differ by one image."""
    found = manifest(tree(tmp_path, SIZES))
    assert found.classes == ("ant", "bee", "cow") and len(found) == 78
    for split in SIZES:
        source = Folder(tmp_path, split, "train")
        shards = [shard for shard in found.shards if shard.split == split]
        images = [image for shard in shards for image in shard.images]
        assert {(i.path, i.label) for i in images} == {
            (source.name(n), source.label(n)) for n in range(len(source))
        }
        lengths = [len(shard.images) for shard in shards]
        assert len(images) == len(source) and max(lengths) - min(lengths) <= 1
        assert shards[0].file == f"tiny-{split}.array_record-00000-of-{len(shards):05d}"


def test_shards_have_the_size_asked_for(tmp_path):
    """Their number follows from the bytes, at most one per image."""
    root = tree(tmp_path, {"train": {"ant": 40}})
    size = sum(image.size for image in manifest(root).shards[0].images)
    for shard_bytes in (1, 500, 3000, 10**9):
        shards = manifest(root, shard_bytes).shards
        total = sum(image.size for shard in shards for image in shard.images)
        assert len(shards) == min(40, -(-total // shard_bytes))
    assert size <= 2100


def test_neighbours_are_of_mixed_classes(tmp_path):
    """Any range of records holds all classes about equally."""
    found = manifest(tree(tmp_path, {"train": dict.fromkeys("abcd", 50)}), 10**9)
    labels = [image.label for image in found.shards[0].images]
    runs = [labels[i : i + 40] for i in range(0, 200, 40)]
    assert all(4 <= run.count(label) <= 18 for run in runs for label in range(4))


def test_the_digest(tmp_path):
    """The digest depends on names and sizes, not on the place; on times if asked for."""
    root = tree(tmp_path / "a", SIZES)
    copy = shutil.copytree(root, tmp_path / "b", copy_function=shutil.copyfile)
    one, two = manifest(root), manifest(copy)
    assert one.digest("x") == two.digest("x") != one.digest("y")
    assert one.digest("x", times=True) != two.digest("x", times=True)
    (copy / "train/ant/003.png").rename(copy / "train/ant/new.png")
    assert manifest(copy).digest("x") != one.digest("x")
    (root / "test/cow/000.png").write_bytes(b"longer, or shorter")
    assert manifest(root).digest("x") != one.digest("x")


def test_some_splits(tmp_path):
    """Only the named splits; the classes are those of the training split."""
    found = manifest(tree(tmp_path, SIZES), splits=["test"])
    assert {shard.split for shard in found.shards} == {"test"}
    assert found.classes == ("ant", "bee", "cow")


@pytest.mark.parametrize(
    ("sizes", "options", "says"),
    [
        (
            {"a": {"x": 1}, "b": {"x": 1}},
            {},
            "expected a split 'train', found a, b; set",
        ),
        ({"train": {"x": 1}}, {"splits": ["val"]}, "expected a split 'val', found train"),
        ({"train": {"x": 1}, "test": {"y": 1}}, {}, "only classes of train, but it also has y"),
        ({"train": {"x": 1}, "test": {}}, {}, "found none.*--splits=train,"),
        ({"train": {"x": 1}, "my-split": {"x": 1}}, {}, "letters, digits and _ only"),
        ({}, {}, "found no folders"),
        ({"train": {"a\nb": 1}}, {}, r"class folder a\\nb has a line break"),
    ],
)
def test_refuses(tmp_path, sizes, options, says):
    """Splits that cannot be packed; the message lists the folders."""
    for split in tree(tmp_path, sizes) and sizes:
        (tmp_path / split).mkdir(exist_ok=True)
    with pytest.raises(ConfigError, match=says):
        manifest(tmp_path, **options)


def test_refuses_a_missing_folder(tmp_path):
    with pytest.raises(ConfigError, match="expected a folder `split/class/image`, found none"):
        manifest(tmp_path / "nowhere")
