"""Tests of inception_jax.data.prepare.from_tfds."""

import pytest

from inception_jax.data.images.decode import decode
from inception_jax.data.prepare.contract import Contract, shrunk
from inception_jax.data.prepare.pack import pack, pack_tfds
from inception_jax.data.sources.raw import Raw
from inception_jax.data.sources.source import file_of
from inception_jax.data.sources.tfds import Tfds
from inception_jax.errors import ConfigError, DataError
from tests.data.pictures import tree
from tests.data.prepared_sets import prepare

SIZES = {"train": {"ant": 9, "bee": 6}, "val": {"ant": 2}}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A folder of sets: `tiny` as it is, and `small` and `raws` made of it."""
    out = tmp_path_factory.mktemp("sets")
    root = tree(tmp_path_factory.mktemp("root"), SIZES)
    pack(root, out, "tiny", shard_bytes=1500)
    for name, contract in (("small", Contract(16, 90)), ("raws", Contract(16, raw=True))):
        text = pack_tfds("tiny", str(out), out, name, contract=contract, shard_bytes=1500)
        assert "train: 15 images" in text and "val: 2 images" in text
    return out


@pytest.mark.parametrize("split", SIZES)
def test_the_same_images(sets, split):
    """Each index has the same image, smaller: the same order of training."""
    tiny, small = (Tfds(name, str(sets), split) for name in ("tiny", "small"))
    raws = Raw("raws", str(sets), split)
    assert tiny.classes == small.classes == raws.classes
    assert len(tiny) == len(small) == len(raws) == sum(SIZES[split].values())
    for i in range(len(tiny)):
        expected = shrunk(decode(tiny.stored(i)), 16)
        assert (raws.stored(i) == expected).all() and expected.shape == (16, 21, 3)
        assert abs(decode(small.stored(i)).astype(int) - expected).mean() < 4
        for source in (small, raws):
            assert source.label(i) == tiny.label(i)
            assert file_of(source, i) == file_of(tiny, i)


def test_again_and_another(sets):
    """The same command has nothing to do; another contract is refused."""
    again = {"shard_bytes": 1500, "contract": Contract(16, 90)}
    assert "nothing to do" in pack_tfds("tiny", str(sets), sets, "small", **again)
    again["contract"] = Contract(16, 80)
    with pytest.raises(ConfigError, match="other flags"):
        pack_tfds("tiny", str(sets), sets, "small", **again)


def test_splits(sets, tmp_path):
    """Only those asked for; one that is missing is refused."""
    more = {"contract": Contract(16, 90), "splits": ["val"]}
    assert "train" not in pack_tfds("tiny", str(sets), tmp_path, "one", **more)
    with pytest.raises(ConfigError, match=r"no split 'test'.*To prepare only some splits"):
        pack_tfds("tiny", str(sets), tmp_path, "two", contract=Contract(16), splits=["test"])


def test_a_set_without_file_names(tmp_path):
    """Their place takes split and index; an unreadable image is stored as it is."""
    prepare(tmp_path)
    more = {"contract": Contract(16, 90), "splits": ["train"]}
    with pytest.raises(DataError, match="1 of 20 images are unreadable"):
        pack_tfds("tiny", str(tmp_path), tmp_path, "small", **more)
    text = pack_tfds("tiny", str(tmp_path), tmp_path, "small", leave_out=True, **more)
    assert "1 unreadable images, left out:\n  train/4: " in text
    small = Tfds("small", str(tmp_path), "train")
    assert len(small) == 19 and small.file(4) == "tiny/train/5"


def test_a_damaged_shard(sets, tmp_path):
    """Ends the command: its images are not left out silently."""
    root = tree(tmp_path / "root", {"train": {"ant": 9}})
    pack(root, tmp_path, "torn")
    [shard] = (tmp_path / "torn/1.0.0").glob("*.array_record*")
    data = bytearray(shard.read_bytes())
    data[data.find(b"PNG") + 20] ^= 255
    shard.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged record"):
        pack_tfds("torn", str(tmp_path), tmp_path, "small", contract=Contract(16))
