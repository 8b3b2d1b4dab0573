"""Tests `inception_jax/data/sources/file_kind.py`: arrays, groups and grey images of folders."""

import cv2
import numpy as np
import pytest

from inception_jax.data import pipeline
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.open import open_source
from inception_jax.errors import DataError
from tests.data.pictures import read, settings


def image(i, count=6, dtype=np.uint8):
    rng = np.random.default_rng(i)
    return (rng.random((9, 7 + i, count)) * 250).astype(dtype)


def folder(root, writers, **changes):
    """A split `train` of the files of `writers`, by path; and its `data` section."""
    for path, write in writers.items():
        (root / "train" / path).parent.mkdir(parents=True, exist_ok=True)
        write(root / "train" / path)
    own = dict(source="folder", dir=str(root), train_split="train", channels=6, area=(0.5, 1.0))
    return settings(**own | changes)


def arrays(root, dtype="uint8", **changes):
    """Four images as .npy files of two classes."""
    writers = {
        f"{'ab'[i % 2]}/{i}.npy": lambda p, i=i: np.save(p, image(i, dtype=dtype)) for i in range(4)
    }
    return folder(root, writers, files="arrays", dtype=dtype, **changes)


def groups(root, missing=(), **changes):
    """Two images as a grey PNG a channel; and a file that is of no group."""
    names = {f"a/x_{i}_c{k}.png": image(i)[..., k] for i in range(2) for k in range(6)}
    names["a/other.png"] = image(0)[..., 0]
    writers = {
        name: lambda p, x=x: cv2.imwrite(str(p), x)
        for name, x in names.items()
        if name not in missing
    }
    return folder(root, writers, files="groups", **changes)


def test_arrays(tmp_path):
    """Files of other suffixes are left out; pixels, names and labels are the files'."""
    data = arrays(tmp_path)
    (tmp_path / "train" / "a" / "photo.png").write_bytes(b"")
    source = open_source(data, "train")
    assert [source.name(i) for i in range(4)] == [
        "train/a/0.npy", "train/a/2.npy", "train/b/1.npy", "train/b/3.npy",
    ]  # fmt: skip
    assert [source.label(i) for i in range(4)] == [0, 0, 1, 1]
    np.testing.assert_array_equal(source.stored(1), image(2))
    assert "photo.png" in "\n".join(source.left_out.lines("train"))


def test_groups(tmp_path):
    """The files of a group are the channels of the image that its first one names."""
    source = open_source(groups(tmp_path), "train")
    names = [source.name(i) for i in range(len(source))]
    assert names == ["train/a/x_0_c0.png", "train/a/x_1_c0.png"]
    np.testing.assert_array_equal(source.stored(1), image(1))
    assert "other.png" in "\n".join(source.left_out.lines("train"))


def test_incomplete_groups_are_named(tmp_path):
    """A missing channel and one too many are refused before anything is read."""
    data = groups(tmp_path, missing=["a/x_1_c2.png"])
    with pytest.raises(DataError, match=r"1 of 2 .*a/x_1_c\*\.png \(lacks c2\)"):
        open_source(data, "train")
    data.channels = 5
    with pytest.raises(DataError, match=r"2 of 2 groups differ: .*x_0_c\*\.png \(also has c5\)"):
        open_source(data, "train")


def test_a_damaged_channel_is_named(tmp_path):
    """The reason has the file of the group."""
    source = open_source(groups(tmp_path), "train")
    (tmp_path / "train" / "a" / "x_0_c3.png").write_bytes(b"")
    with pytest.raises(BadImageError, match=r"x_0_c3\.png: the file is empty"):
        source.stored(0)


def test_nan_ends_a_run_and_names_the_file(tmp_path):
    """One image of four is above 1%."""
    data = arrays(tmp_path, dtype="float32")
    np.save(tmp_path / "train" / "b" / "1.npy", np.full((9, 9, 6), np.nan, np.float32))
    reader = pipeline.TrainReader(open_source(data, "train"), data, 0)
    with pytest.raises(DataError, match=r"train/b/1\.npy: 486 numbers are NaN"):
        read(reader, range(8))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("crop", ["inception", "pad"])
def test_a_batch_is_the_same_in_threads_and_processes(tmp_path, dtype, crop):
    """Of any dtype; and a channel of it is what it would be alone."""
    data = arrays(tmp_path, dtype, crop=crop, pad=2 if crop == "pad" else 0)
    reader = pipeline.TrainReader(open_source(data, "train"), data, 3)
    (one,) = pipeline.batches(reader, 4, range(1), 1)
    assert one["image"].dtype == dtype and one["image"].shape == (4, 6, 6, 6)
    if (dtype, crop) == ("uint16", "pad"):
        (two,) = pipeline.batches(reader, 4, range(1), 2, processes=1)
        np.testing.assert_array_equal(one["image"], two["image"])
    for path in (tmp_path / "train").rglob("*.npy"):
        np.save(path, np.load(path)[..., 2:3])
    data.channels = 1
    alone = read(pipeline.TrainReader(open_source(data, "train"), data, 3), range(4))
    close = {"uint8": 1, "uint16": 1, "float32": 1e-3}[dtype]
    off = alone["image"][..., 0].astype(float) - one["image"][..., 2].astype(float)
    assert np.abs(off).max() <= close


def test_any_source_is_read_as_grey():
    """The digits, whose channels are equal, as one of them."""
    grey, rgb = (open_source(settings(source="digits", channels=c), "test") for c in (1, 3))
    np.testing.assert_array_equal(grey.stored(7), rgb.stored(7)[..., :1])
    assert grey.label(7) == rgb.label(7) and len(grey) == len(rgb)
