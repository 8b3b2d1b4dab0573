"""Tests of inception_jax.data.prepare.inspect and inception_jax.data.images.contact_sheet."""

from types import SimpleNamespace

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.data import pipeline
from inception_jax.data.images import contact_sheet, distort
from inception_jax.data.prepare import inspect
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.folder import Folder
from inception_jax.errors import ConfigError
from tests.data.pictures import Pictures, encoded, gradient, settings, tree


def reading(source, threads: int = 2) -> list[str]:
    """The lines of what is found in a source."""
    return list(inspect.look(source, threads).lines())


@pytest.mark.parametrize("threads", [1, 4])
def test_look_counts(tmp_path, capsys, threads):
    """Images, classes, sizes and formats, and each unreadable file by name."""
    source = Folder(tree(tmp_path, {"train": {"ant": 40, "bee": 70, "cow": 50}}), "train")
    (tmp_path / "train/bee/007.png").write_bytes(b"")
    (tmp_path / "train/bee/008.png").write_bytes(encoded(gradient(480, 640)))
    (tmp_path / "train/cow/001.png").write_bytes(encoded(gradient(5, 4)[..., 0], ".png"))
    assert reading(source, threads) == [
        "160 images of 3 classes, each read whole",
        "images a class: median 50; 0 classes without any",
        "  ant (40), cow (50), bee (70)",
        "sizes: median 32 x 24, smallest 4 x 5 (train/cow/001.png), "
        "largest 640 x 480 (train/bee/008.png)",
        "formats: PNG 157, JPEG 1, PNG grey 1",
        "1 named as another format",
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
    """The digits are whole; they have no files, and so no format."""
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


@pytest.mark.parametrize(
    ("batch_size", "rows", "colour"), [(3, 1, "none"), (10, 2, "fast"), (70, 8, "none")]
)
def test_contact_sheet_is_the_training_batch(tmp_path, batch_size, rows, colour):
    """The sheet's cells are the step's images as the train step augments them, eight a row."""
    data = settings(batch_size=batch_size, image_size=24, colour=colour)
    source = Pictures(100, size=40)
    out = tmp_path / "new" / "sheet.png"
    assert contact_sheet.write(SimpleNamespace(data=data, seed=4), source, 2, out) == out
    sheet = cv2.imread(str(out))[..., ::-1]
    scale, count = round(128 / 24), min(batch_size, 64)
    side = 24 * scale + 2
    assert sheet.shape == (rows * side, 8 * side, 3)
    batch = next(
        pipeline.batches(pipeline.TrainReader(source, data, 4), batch_size, range(2, 3), 1)
    )
    expected = distort.augment(
        jnp.asarray(batch["image"], jnp.float32) / 255, distort.image_keys(4, 2, batch_size),
        flip=True, colour=colour,
    )  # fmt: skip
    for i in range(rows * 8):
        y, x = (i // 8) * side, (i % 8) * side
        cell = sheet[y : y + side, x : x + side]
        assert (cell[-2:] == 255).all() and (cell[:, -2:] == 255).all()
        if i >= count:
            assert (cell == 255).all()
            continue
        enlarged = cell[:-2, :-2]
        small = enlarged[::scale, ::scale]
        np.testing.assert_array_equal(small.repeat(scale, 0).repeat(scale, 1), enlarged)
        np.testing.assert_allclose(small, np.asarray(expected[i]) * 255, atol=0.51)


def test_contact_sheet_refuses_a_name_without_a_format(tmp_path):
    """The error says how a picture's name ends, and nothing is written."""
    with pytest.raises(
        ConfigError, match=r"sheet\.txt: expected a picture's name, ending in \.png"
    ):
        contact_sheet.write(SimpleNamespace(data=settings(), seed=0), Pictures(9), 0,
                            tmp_path / "sheet.txt")  # fmt: skip
    assert not list(tmp_path.iterdir())
