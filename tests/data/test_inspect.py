"""Tests of inception_jax.data.inspect and inception_jax.contact_sheet."""

from types import SimpleNamespace

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import contact_sheet
from inception_jax.data import distort, inspect, pipeline
from inception_jax.data.digits import Digits
from inception_jax.data.folder import Folder
from inception_jax.errors import ConfigError, DataError
from tests.data.pictures import Pictures, settings, tree


@pytest.mark.parametrize("threads", [1, 4])
def test_check_counts(tmp_path, capsys, threads):
    """Images, classes, the smallest and the largest class, and each unreadable file by name."""
    source = Folder(tree(tmp_path, {"train": {"ant": 40, "bee": 70, "cow": 50}}), "train")
    (tmp_path / "train/bee/007.png").write_bytes(b"")
    assert inspect.check(source, threads).splitlines() == [
        "160 images of 3 classes",
        "smallest class: ant (40), largest: bee (70)",
        "1 unreadable",
        "  train/bee/007.png: the file is empty",
    ]
    assert "160/160" in capsys.readouterr().err


def test_check_reads_each_image_once():
    """Every image is read exactly once, those after a bad one too."""
    source = Pictures(333, bad=frozenset({5}))
    assert "1 unreadable" in inspect.check(source, 3)
    assert sorted(source.read) == list(range(333))


def test_check_counts_a_class_without_images(tmp_path):
    """A class folder with nothing in it is the smallest class."""
    root = tree(tmp_path, {"train": {"ant": 0, "bee": 1}})
    assert "smallest class: ant (0)" in inspect.check(Folder(root, "train"))


def test_check_ends_with_65_above_one_percent():
    """All bad images are found before it ends, not the first few; a hundred are named."""
    bad = frozenset(range(0, 600, 4))
    with pytest.raises(DataError, match="150 of 1000 images are unreadable") as caught:
        inspect.check(Pictures(1000, bad=bad))
    assert caught.value.code == 65
    assert "  picture 396: broken" in str(caught.value) and "and 50 more" in str(caught.value)


def test_check_of_the_digits():
    """The digits are whole."""
    text = inspect.check(Digits("train"))
    assert text.startswith("1,437 images of 10 classes") and text.endswith("\n0 unreadable")


@pytest.mark.data
def test_check_of_photographs(real_data):
    """CIFAR-10's test split: 10,000 images, all readable, a thousand in each class."""
    text = inspect.check(Folder(real_data / "cifar10", "test"))
    assert "10,000 images of 10 classes" in text and "(1,000)" in text and "\n0 unreadable" in text


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
