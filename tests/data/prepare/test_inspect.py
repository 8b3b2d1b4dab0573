"""Tests of inception_jax.data.prepare.inspect."""

import pytest

from inception_jax.data.prepare import inspect
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.folder import Folder
from tests.data.pictures import Pictures, encoded, gradient, settings, tree


def reading(source, threads: int = 2) -> list[str]:
    """The lines of a source's survey."""
    return list(inspect.survey_of(source, threads).lines())


@pytest.mark.parametrize("threads", [1, 4])
def test_look_counts(tmp_path, capsys, threads):
    """Images, classes, sizes and formats, and each unreadable file by name."""
    source = Folder(tree(tmp_path, {"train": {"ant": 40, "bee": 70, "cow": 50}}), "train")
    (tmp_path / "train/bee/007.png").write_bytes(b"")
    (tmp_path / "train/bee/008.png").write_bytes(encoded(gradient(480, 640)))
    (tmp_path / "train/cow/001.png").write_bytes(encoded(gradient(5, 4)[..., 0], ".png"))
    assert reading(source, threads) == [
        "160 images of 3 classes, all read",
        "images a class: median 50; 0 classes without any",
        "  ant (40), cow (50), bee (70)",
        "sizes: median 32 x 24, smallest 4 x 5 (train/cow/001.png), "
        "largest 640 x 480 (train/bee/008.png)",
        "formats: PNG 157, JPEG 1, PNG grey 1",
        "1 with the suffix of another format",
        "  train/bee/008.png: is JPEG",
        "1 unreadable",
        "  train/bee/007.png: the file is empty",
    ]
    assert "160/160" in capsys.readouterr().err


def test_look_reads_each_image_once():
    """Every image is read exactly once, those after a bad one too."""
    source = Pictures(333, bad=frozenset({5}))
    assert "1 unreadable" in reading(source, 3)
    assert sorted(source.read) == list(range(333))


def test_look_counts_a_class_without_images(tmp_path):
    """A class folder with nothing in it is the smallest class."""
    root = tree(tmp_path, {"train": {"ant": 0, "bee": 1}})
    assert "images a class: median 0; 1 classes without any" in reading(Folder(root, "train"))


def test_look_finds_all_bad_images():
    """Not only the first few; a hundred are listed."""
    lines = reading(Pictures(1000, bad=frozenset(range(0, 600, 4))))
    assert lines[-102:][0] == "150 unreadable" and lines[-1] == "  and 50 more"
    assert "  picture 396: broken" in lines and "  picture 400: broken" not in lines


def test_look_at_the_digits():
    """The digits are pixels, without a file format."""
    lines = reading(Digits("train"))
    assert lines[0].startswith("1,437 images of 10 classes") and lines[-1] == "0 unreadable"
    assert "formats: pixels 1,437" in lines


@pytest.mark.data
def test_look_at_photographs(real_data):
    """CIFAR-10's test split: 10,000 images, all readable, a thousand in each class."""
    lines = reading(Folder(real_data / "cifar10", "test"))
    assert lines[0].startswith("10,000 images of 10 classes") and lines[-1] == "0 unreadable"
    assert "images a class: median 1,000; 0 classes without any" in lines
    assert "formats: JPEG 10,000" in lines


def test_splits(tmp_path):
    """All splits of a source, and why one of a folder cannot be used."""
    tree(tmp_path, {"train": {"ant": 2, "bee": 1}, "test": {"bee": 4}, "more": {"cat": 1}})
    found = inspect.splits(settings(source="folder", dir=str(tmp_path), train_split="train"))
    assert (found["train"], found["test"]) == ((3, 2, ""), (4, 2, ""))
    assert "only classes of train, but it also has cat" in found["more"].problem
    assert inspect.splits(settings(source="digits")) == {"train": (1437, 10, ""),
                                                         "test": (360, 10, "")}  # fmt: skip
