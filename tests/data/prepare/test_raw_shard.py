"""Tests of inception_jax.data.prepare.raw_shard."""

import numpy as np
import pytest

from inception_jax.data.prepare.raw_shard import RawWriter, mapped
from tests.data.pictures import gradient

IMAGES = [gradient(8, 5), gradient(3, 9, 4), gradient(1, 1)]


def written(path, images=IMAGES):
    with RawWriter(path) as writer:
        for i, image in enumerate(images):
            writer.write(image, i, f"{i}.jpg".encode() * (i + 1))
    return path


def test_reads_back(tmp_path):
    """Pixels, sizes, labels and names; the pixels lie in the file one after another."""
    data, index = mapped(written(tmp_path / "shard"))
    assert index["name"].tolist() == [b"0.jpg", b"1.jpg1.jpg", b"2.jpg2.jpg2.jpg"]
    assert index["label"].tolist() == [0, 1, 2]
    for image, row in zip(IMAGES, index, strict=True):
        assert image.shape == (row["height"], row["width"], 3)
        found = data[row["start"] : row["start"] + image.size]
        np.testing.assert_array_equal(found.reshape(image.shape), image)
    assert type(data) is np.ndarray and not data.flags.writeable


def test_an_empty_shard(tmp_path):
    """One of which every image was left out."""
    assert len(mapped(written(tmp_path / "shard", []))[1]) == 0


@pytest.mark.parametrize("lost", [1, 8, 100, 10**6])
def test_a_truncated_shard(tmp_path, lost):
    """An error that the source names."""
    path = written(tmp_path / "shard")
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises((ValueError, EOFError, OSError)):
        mapped(path)
