"""Tests of inception_jax.data.sources.raw."""

import pickle

import numpy as np
import pytest

from inception_jax.data.images.decode import decode
from inception_jax.data.pipeline import TrainReader
from inception_jax.data.prepare.contract import Contract
from inception_jax.data.prepare.pack import pack
from inception_jax.data.sources.raw import Raw
from inception_jax.data.sources.tfds import Tfds
from inception_jax.errors import ConfigError
from tests.data.pictures import read, settings, tree


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The sets `files` and `raws` of the same images, the second in three shards."""
    root = tree(tmp_path_factory.mktemp("root"), {"train": {"ant": 9, "bee": 6}, "val": {"bee": 2}})
    folder = tmp_path_factory.mktemp("sets")
    pack(root, folder, "files")
    pack(root, folder, "raws", contract=Contract(raw=True), shard_bytes=1500)
    return folder


def test_the_pixels_of_the_files(out):
    """In the same order, with labels and names; views of the file, which are not copied."""
    for split, count in (("train", 15), ("val", 2)):
        files, raws = Tfds("files", str(out), split), Raw("raws", str(out), split)
        assert len(raws) == count and raws.splits == {"train": 15, "val": 2}
        for i in range(count):
            np.testing.assert_array_equal(raws.stored(i), decode(files.stored(i)))
            assert raws.label(i) == files.label(i) and raws.file(i) == files.file(i)
            assert raws.name(i) == f"raws/{split}/{i} {files.file(i)}"
        assert raws.stored(0).base is not None and not raws.stored(0).flags.writeable
    assert len(list((out / "raws/1.0.0").glob("raws-train.raw-*-of-*"))) > 1


def test_training_reads_the_same(out):
    """The same crops as from the files, at any position, in another process's reader too."""
    readers = [
        TrainReader(source("raws" if source is Raw else "files", str(out), "train"), settings(), 3)
        for source in (Tfds, Raw)
    ]
    expected = read(readers[0], range(40))
    for reader in (readers[1], pickle.loads(pickle.dumps(readers[1]))):
        for key, value in read(reader, range(40)).items():
            np.testing.assert_array_equal(value, expected[key])
    np.testing.assert_array_equal(
        read(readers[1], range(17, 20))["image"], expected["image"][17:20]
    )


def test_what_is_missing(out, tmp_path):
    """A set, a split and a shard: what was expected, found, and what to do."""
    with pytest.raises(ConfigError, match=r"expected a set of decoded images in .*nothing/1.0.0"):
        Raw("nothing", str(out), "train")
    with pytest.raises(ConfigError, match=r"expected a set of decoded images in .*files/1.0.0"):
        Raw("files", str(out), "train")
    with pytest.raises(ConfigError, match=r"no split 'test' in .*found train, val"):
        Raw("raws", str(out), "test")
    root = tree(tmp_path / "root", {"train": {"ant": 3}})
    pack(root, tmp_path, "raws", contract=Contract(raw=True))
    [shard] = (tmp_path / "raws/1.0.0").glob("*.raw-*")
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(ConfigError, match=r"a shard in .* is missing or damaged"):
        Raw("raws", str(tmp_path), "train")
