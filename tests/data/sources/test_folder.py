"""Tests of inception_jax.data.sources.folder."""

import numpy as np
import pytest

from inception_jax.data import pipeline
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.folder import Folder
from inception_jax.data.sources.open import open_source
from inception_jax.errors import ConfigError
from tests.data.pictures import encoded, gradient, pixels, settings, tree


def test_order_labels_and_classes(tmp_path):
    """Images come class by class, sorted by name; labels are positions of the sorted classes."""
    root = tree(tmp_path, {"train": {"b dog": 2, "a cat": 3}})
    (root / "train" / ".cache").mkdir()
    (root / "train" / "b dog" / "0001.JPEG").write_bytes(encoded(gradient()))
    source = Folder(root, "train")
    assert source.classes == ("a cat", "b dog") and len(source) == 6
    assert [source.label(i) for i in range(6)] == [0, 0, 0, 1, 1, 1]
    names = ["a cat/000.png", "a cat/001.png", "a cat/002.png",
             "b dog/000.png", "b dog/0001.JPEG", "b dog/001.png"]  # fmt: skip
    assert [source.name(i) for i in range(6)] == [f"train/{n}" for n in names]
    np.testing.assert_array_equal(
        pixels(source, 2), gradient(shade=22)
    )  # `a cat` was written second


def test_the_format_follows_the_content(tmp_path):
    """A PNG named .jpg is read as a PNG."""
    root = tree(tmp_path, {"train": {"a": 1}})
    (root / "train" / "a" / "000.png").rename(root / "train" / "a" / "000.jpg")
    np.testing.assert_array_equal(pixels(Folder(root, "train"), 0), gradient())


def test_linked_trees_are_followed(tmp_path):
    """A split, a class and an image may be symbolic links."""
    real = tree(tmp_path / "real", {"train": {"a": 1}})
    other = tmp_path / "linked"
    (other / "split" / "b").mkdir(parents=True)
    (other / "split" / "a").symlink_to(real / "train" / "a")
    (other / "split" / "b" / "x.png").symlink_to(real / "train" / "a" / "000.png")
    (other / "train").symlink_to(other / "split")
    source = Folder(other, "train")
    assert [source.name(i) for i in range(len(source))] == ["train/a/000.png", "train/b/x.png"]


def test_a_class_without_images_keeps_its_label(tmp_path):
    """A split that lacks a class of the training split does not shift the labels after it."""
    root = tree(tmp_path, {"train": {"a": 1, "b": 1, "c": 1}, "test": {"a": 1, "c": 1}})
    data = settings(source="folder", dir=str(root), train_split="train", cache=False)
    source = open_source(data, "test")
    assert source.classes == ("a", "b", "c")
    assert [source.label(i) for i in range(len(source))] == [0, 2]


def test_a_class_that_training_lacks_is_refused(tmp_path):
    """A class that is only in the evaluated split has no label: the error names it."""
    root = tree(tmp_path, {"train": {"a": 1}, "test": {"a": 1, "zebra": 1}})
    with pytest.raises(ConfigError, match=r"only classes of train, but it also has zebra"):
        Folder(root, "test", "train")
    assert Folder(root, "test").classes == ("a", "zebra")


@pytest.mark.parametrize(
    ("where", "split", "says"),
    [
        ("", "train", "data.dir is empty"),
        (
            "nowhere",
            "train",
            r"a folder \S*/nowhere/train with .*, but \S*/nowhere is not a folder",
        ),
        ("full", "val", r"expected a folder \S*/full/val .*, but \S*/full has test, train$"),
        ("full", "", r"but \S*/full has test, train$"),
        ("full/train", "train", r"but \S*/full/train has c00, c01, .*, c09 and 2 more$"),
        ("bare", "train", r"but \S*/bare has no folders$"),
        (
            "flat",
            "train",
            r"expected images .*/flat/train/<class>/, found none; .* are no folders\n"
            r"train: 1 left out\n  images beside the folders \(1\): image.png$",
        ),
        ("hollow", "train", r"found none; the class folders are a, b$"),
    ],
)
def test_wrong_folders(tmp_path, where, split, says):
    """The message has the expected folder and the folders that exist."""
    tree(tmp_path / "full", {"train": {f"c{i:02d}": 1 for i in range(12)}, "test": {"c00": 1}})
    for name in ("bare", "flat/train", "hollow/train/a", "hollow/train/b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "flat/train/image.png").write_bytes(encoded(gradient(), ".png"))
    with pytest.raises(ConfigError, match=says):
        Folder(str(tmp_path / where) if where else "", split)


def test_a_file_that_cannot_be_read_is_a_bad_image(tmp_path):
    """Damaged, removed after it was listed, or replaced by a folder."""
    source = Folder(tree(tmp_path, {"train": {"a": 3}}), "train")
    (tmp_path / "train/a/000.png").write_bytes(b"")
    (tmp_path / "train/a/001.png").unlink()
    (tmp_path / "train/a/002.png").unlink()
    (tmp_path / "train/a/002.png").mkdir()  # an OSError that is not about absence
    with pytest.raises(BadImageError, match="empty"):
        pixels(source, 0)
    with pytest.raises(BadImageError, match="No such file"):
        pixels(source, 1)
    with pytest.raises(BadImageError, match="directory"):
        pixels(source, 2)


def spoil(root, count):
    """Truncate the first `count` images of a tree's only class."""
    for path in sorted((root / "train" / "a").iterdir())[:count]:
        path.write_bytes(path.read_bytes()[:60])


def test_bad_images_below_one_percent_are_replaced_alike(tmp_path):
    """Two bad files of 200 are named and replaced by the same neighbour in every run."""
    root = tree(tmp_path, {"train": {"a": 200}})
    spoil(root, 2)
    runs = []
    for threads in (1, 3):
        read = pipeline.TrainReader(Folder(root, "train"), settings(), seed=5)
        steps = list(pipeline.batches(read, 20, range(10), threads))
        runs.append({k: np.concatenate([b[k] for b in steps]) for k in steps[0]})
        assert sorted(read.bad.reasons) == ["train/a/000.png", "train/a/001.png"]
        assert all("PNG" in reason for reason in read.bad.reasons.values())
    for key in runs[0]:
        np.testing.assert_array_equal(runs[0][key], runs[1][key])
    assert np.bincount(runs[0]["index"])[:4].tolist() == [0, 0, 3, 1]
