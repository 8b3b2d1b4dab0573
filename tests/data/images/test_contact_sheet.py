"""Tests of inception_jax.data.images.contact_sheet."""

from collections import Counter
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from inception_jax.config import augment
from inception_jax.data import order, pipeline
from inception_jax.data.images import contact_sheet
from inception_jax.errors import ConfigError
from tests.data.pictures import Pictures, settings

OFF = SimpleNamespace(**augment())
POLICY = SimpleNamespace(**augment(policy="randaugment", repeats=2))


def dark(batch, step):
    """For the network's augmentation: darker by the step, and noise outside of [0, 1]."""
    pixels = batch["image"].astype(np.float32) / 255 - step / 10
    pixels[0], pixels[1] = 3, -3
    return pixels


@pytest.mark.parametrize(
    ("batch_size", "rows", "section"), [(10, 2, OFF), (70, 8, OFF), (10, 2, POLICY)]
)
def test_the_cells_are_the_training_batch(tmp_path, batch_size, rows, section):
    """The sheet's cells are the step's images, read with the policy and augmented, eight a row."""
    data = settings(batch_size=batch_size, image_size=24)
    source = Pictures(100, size=40)
    out = tmp_path / "new" / "sheet.png"
    config = SimpleNamespace(data=data, augment=section, seed=4)
    assert contact_sheet.write(config, source, 2, 24, out, dark) == out
    sheet = cv2.imread(str(out))[..., ::-1]
    scale, count = round(128 / 24), min(batch_size, 64)
    side, strip = 24 * scale + 2, contact_sheet.CAPTION
    assert sheet.shape == (rows * (side + strip), 8 * side, 3)
    read = pipeline.TrainReader(source, data, 4, section)
    expected = dark(next(pipeline.batches(read, batch_size, range(2, 3), 1)), 2).clip(0, 1)
    for i in range(rows * 8):
        y, x = (i // 8) * (side + strip), (i % 8) * side
        cell = sheet[y : y + side + strip, x : x + side]
        assert (cell[-2:] == 255).all() and (cell[:, -2:] == 255).all()
        if i >= count:
            assert (cell == 255).all()
            continue
        assert (cell[side - 2 :] < 100).any()  # its class
        enlarged = cell[: side - 2, :-2]
        small = enlarged[::scale, ::scale]
        np.testing.assert_array_equal(small.repeat(scale, 0).repeat(scale, 1), enlarged)
        np.testing.assert_allclose(small, expected[i] * 255, atol=0.51)


@pytest.mark.parametrize("name", ["cat", "日本語 犬", "Ж é ß Ω 한국어", "a long name " * 9])
def test_the_name_of_a_class(name):
    """Drawn below the image without leaving the strip, in whatever script, each of its own look."""
    drawn = []
    for text in (name, "".join(chr(ord(c) + 1) for c in name), "?" * len(name)):
        tile = np.full((128 + contact_sheet.CAPTION + 2, 130, 3), 255, np.uint8)
        contact_sheet._write_below(tile, text)
        assert (tile[:128] == 255).all() and (tile[:, -2:] == 255).all()
        drawn.append(tile.tobytes())
    assert len(set(drawn)) == 3  # the font has these letters


def test_names_of_mixed_images():
    """Both classes of a pair, if they differ; no text of the outside world moves a cursor."""
    source, labels = SimpleNamespace(classes=["cat", "d\nog"]), np.array([0, 1, 1, 1])
    mixed = SimpleNamespace(**augment(mixup=0.2))
    assert contact_sheet.captions(OFF, labels, source) == ["cat", *["d\\nog"] * 3]
    assert contact_sheet.captions(mixed, labels, source)[:3] == [
        "cat + d\\nog", "d\\nog + cat", "d\\nog",
    ]  # fmt: skip


@pytest.mark.parametrize(("batch_size", "repeats"), [(2016, 3), (96, 4), (90, 3), (70, 2), (64, 4)])
def test_copies_are_shown(batch_size, repeats):
    """At most 64 places, whole pairs of mixing, of which examples have all their copies."""
    spans = contact_sheet.places(batch_size, repeats)
    shown = [place for span in spans for place in span]
    assert 48 <= len(shown) <= 64 and len(set(shown)) == len(shown) and max(shown) < batch_size
    assert {place ^ 1 for place in shown} == set(shown)
    examples = Counter(order.example_at(p, 5000, 1, batch_size, repeats) for p in shown)
    assert list(examples.values()).count(repeats) > 64 / repeats / 2


def test_a_batch_of_another_size(tmp_path):
    """Images have the size that is given, not the config's, and copies their places."""
    data, source = settings(batch_size=96, image_size=24), Pictures(100, size=40)
    config = SimpleNamespace(data=data, augment=POLICY, seed=4)
    sheets = []

    def seen(batch, step):
        sheets.append(batch)
        return batch["image"] / np.float32(255)

    contact_sheet.write(config, source, 1, 16, tmp_path / "sheet.png", seen)
    (batch,) = sheets
    assert batch["image"].shape == (64, 16, 16, 3)
    read = pipeline.TrainReader(source, data, 4, POLICY).resized(16)
    whole = next(pipeline.batches(read, 96, range(1, 2), 1))
    for i, place in enumerate([*range(32), *range(48, 80)]):
        assert batch["index"][i] == whole["index"][place]
        np.testing.assert_array_equal(batch["image"][i], whole["image"][place])


def test_a_name_without_a_format_is_refused(tmp_path):
    """The message lists the suffixes; nothing is written."""
    with pytest.raises(ConfigError, match=r"sheet\.txt: expected a file name ending in \.jpg"):
        config = SimpleNamespace(data=settings(), augment=OFF, seed=0)
        contact_sheet.write(config, Pictures(9), 0, 24, tmp_path / "sheet.txt", dark)
    assert not list(tmp_path.iterdir())


def test_names_of_labels_and_values():
    """Several labels by their names, values as numbers."""
    source = SimpleNamespace(classes=("cat", "dog", "grass"))
    targets = (np.array([0.0, 1.0, 1.0]), np.zeros(3), np.array([1.5, 2e6, 0.0]), 1)
    names = [contact_sheet.named(x, source) for x in targets]
    assert names == ["dog, grass", "none", "1.5, 2e+06, 0", "dog"]
