"""Tests of inception_jax.data.prepare.pack: folders as shards, whatever happens on the way."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from array_record.python import array_record_module

from inception_jax.data.prepare import pack as packing
from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.pack import pack
from inception_jax.data.sources.tfds import Tfds
from inception_jax.errors import ConfigError, DataError, DiskFullError
from tests.data.pictures import pixels, tree

SIZES = {"train": {"ant": 90, "bee": 41, "cow": 70}, "test": {"ant": 5, "cow": 2}}
SET = "tiny/1.0.0"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of 208 PNGs of about 300 bytes."""
    return tree(tmp_path_factory.mktemp("folder"), SIZES)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def interrupted(monkeypatch, after: int, error: BaseException):
    """Lets reading the file number `after` fail."""
    read, calls = packing._read, []

    def failing(path):
        calls.append(path)
        if len(calls) > after:
            raise error
        return read(path)

    monkeypatch.setattr(packing, "_read", failing)
    return calls


def test_reads_back(root, tmp_path):
    """Our source sees every file's own bytes, its label and its name, in mixed order."""
    said = pack(root, tmp_path, "tiny", shard_bytes=9000)
    assert "train: 201 images" in said and f"--config.data.dir={tmp_path}" in said
    for split in SIZES:
        source, seen = Tfds("tiny", str(tmp_path), split), set()
        assert source.classes == ("ant", "bee", "cow")
        for i in range(len(source)):
            name = source.name(i).split()[-1]
            path = root / split / source.classes[source.label(i)] / name
            assert source.stored(i) == path.read_bytes()
            seen.add(path)
        assert len(seen) == len(source) == sum(SIZES[split].values())
    assert len(list((tmp_path / SET).glob("tiny-train*"))) > 3
    assert os.listdir(tmp_path) == ["tiny"]  # nothing is left of the making


def test_a_name_that_is_no_text(tmp_path):
    """A file name of bytes that are no UTF-8 is kept, and shown with a mark."""
    root = tree(tmp_path / "root", {"train": {"ant": 1}})
    os.rename(root / "train/ant/000.png", os.fsencode(root) + b"/train/ant/caf\xe9.png")
    pack(root, tmp_path / "out", "tiny")
    source = Tfds("tiny", str(tmp_path / "out"), "train")
    assert source.name(0) == "tiny/train/0 caf\ufffd.png"
    assert source._record(0)["file_name"].bytes_list.value[0] == b"caf\xe9.png"


def test_anyone_can_read_it(root, tmp_path):
    """`tfds.builder_from_directory` finds features, names, counts, and records."""
    import tensorflow_datasets as tfds

    pack(root, tmp_path, "tiny")
    builder = tfds.builder_from_directory(tmp_path / SET)
    assert builder.info.features["label"].names == ["ant", "bee", "cow"]
    assert builder.info.splits["train"].num_examples == 201
    assert set(builder.info.features) == {"image", "label", "file_name"}
    assert len(builder.as_data_source("test[:50%]")) == 4


def test_the_same_bits(root, tmp_path):
    """Two packings of two copies of a folder differ in no byte of any file."""
    copy = shutil.copytree(root, tmp_path / "copy", copy_function=shutil.copyfile)
    pack(root, tmp_path / "a", "tiny", shard_bytes=9000)
    pack(copy, tmp_path / "b", "tiny", shard_bytes=9000)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_checksum_for_each_shard(root, tmp_path):
    """`checksums.json` has the sha256 of every shard; a flipped byte or a lost shard is named."""
    pack(root, tmp_path, "tiny", shard_bytes=9000)
    shards = sorted((tmp_path / SET).glob("tiny-*"))
    digests = json.loads((tmp_path / SET / "checksums.json").read_text())["shards"]
    assert digests == {path.name: prepared.sha256(path) for path in shards}
    assert prepared.verify(tmp_path / SET) == len(shards)
    data = bytearray(shards[2].read_bytes())
    data[len(data) // 3] ^= 4
    shards[2].write_bytes(data)
    shards[4].unlink()
    with pytest.raises(DataError, match=f"2 of {len(shards)} shards") as caught:
        prepared.verify(tmp_path / SET)
    assert f"{shards[2].name}: expected sha256" in str(caught.value)
    assert f"{shards[4].name}: gone" in str(caught.value)
    assert shards[3].name not in str(caught.value)


def test_kill_9_and_again(tmp_path):
    """Killed in the middle nothing is visible; the same command continues, to the same bits."""
    root, shades = tmp_path / "root", np.random.default_rng(0)
    for label in ("ant", "bee"):
        (root / "train" / label).mkdir(parents=True)
        for i in range(20):
            noise = cv2.imencode(".png", shades.integers(0, 255, (180, 180, 3), np.uint8))[1]
            first = root / "train" / label / f"{i}.png"
            first.write_bytes(noise.tobytes())
            for copy in range(9):
                os.link(first, first.with_name(f"{i}_{copy}.png"))
    words = ["data", "prepare", "folder", str(root), f"--out={tmp_path}/out", "--name=tiny",
             "--shard_mb=1"]  # fmt: skip
    run = subprocess.Popen([sys.executable, "-m", "inception_jax", *words])
    state = tmp_path / "out/.preparing/tiny/state.json"
    while run.poll() is None and len(list(state.parent.glob("1.0.0/*-of-?????"))) < 4:
        time.sleep(0.001)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert os.listdir(tmp_path / "out") == [".preparing"]
    whole = sorted(json.loads(state.read_text())["done"])
    torn = state.parent / "1.0.0" / whole[0]
    torn.write_bytes(torn.read_bytes()[:-9])  # a disk that lost its last write
    (state.parent / "1.0.0" / "tiny-train.array_record-00030-of-00039.part").write_bytes(b"half")
    again = subprocess.run(
        [sys.executable, "-m", "inception_jax", *words], capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert f"continuing: {len(whole) - 1} shards are whole" in again.stderr
    pack(root, tmp_path / "undisturbed", "tiny", shard_bytes=10**6)
    assert content(tmp_path / "out") == content(tmp_path / "undisturbed")


def test_only_what_is_left_is_read(root, tmp_path, monkeypatch):
    """An interrupted packing continues with the first shard that is not whole."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupted(patch, 150, KeyboardInterrupt())
        pack(root, tmp_path, "tiny", shard_bytes=9000)
    done = json.loads((tmp_path / ".preparing/tiny/state.json").read_text())["done"]
    calls = interrupted(monkeypatch, 10**6, KeyboardInterrupt())
    pack(root, tmp_path, "tiny", shard_bytes=9000)
    assert len(calls) == 208 - sum(record["length"] for record in done.values()) < 208


def test_a_folder_that_has_changed(root, tmp_path, monkeypatch, capsys):
    """What was packed of it is thrown away, even if only a file's time is another."""
    copy = shutil.copytree(root, tmp_path / "copy")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupted(patch, 150, KeyboardInterrupt())
        pack(copy, tmp_path / "out", "tiny", shard_bytes=9000)
    os.utime(copy / "train/ant/003.png")
    pack(copy, tmp_path / "out", "tiny", shard_bytes=9000)
    assert "the folder or the flags have changed: starting again" in capsys.readouterr().err
    pack(copy, tmp_path / "b", "tiny", shard_bytes=9000)
    assert content(tmp_path / "out") == content(tmp_path / "b")


def test_disk_full_in_the_middle(root, tmp_path, monkeypatch):
    """The real writer's error on a full device is 74; nothing is visible, and it continues."""
    real, opened = array_record_module.ArrayRecordWriter, []

    def writer(path, options):
        opened.append(path)
        return real(path if len(opened) < 4 else "/dev/full", options)

    with monkeypatch.context() as patch:
        patch.setattr(array_record_module, "ArrayRecordWriter", writer)
        with pytest.raises(DiskFullError, match="run the same command again; what") as caught:
            pack(root, tmp_path, "tiny", shard_bytes=9000)
    assert caught.value.code == 74 and os.listdir(tmp_path) == [".preparing"]
    pack(root, tmp_path, "tiny", shard_bytes=9000)
    pack(root, tmp_path / "b", "tiny", shard_bytes=9000)
    assert content(tmp_path / "tiny") == content(tmp_path / "b" / "tiny")


def test_too_little_room(root, tmp_path, monkeypatch):
    """Known before anything is written, with both sizes; nothing is left behind."""
    sizes = sum(path.stat().st_size for path in root.rglob("*.png"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=sizes))
    with pytest.raises(DiskFullError, match=rf"tiny needs [\d,]+ bytes in .*, {sizes:,} are free"):
        pack(root, tmp_path / "out", "tiny")
    assert not list((tmp_path / "out").iterdir())


def test_what_is_needed_is_enough(root, tmp_path, monkeypatch):
    """The bytes asked for are no fewer than those written, and not twice as many."""
    asked = []
    monkeypatch.setattr(prepared, "need", lambda out, size, name: asked.append(size))
    pack(root, tmp_path, "tiny", shard_bytes=9000)
    written = sum(path.stat().st_size for path in (tmp_path / SET).glob("tiny-*"))
    assert written <= asked[0] <= 2 * written


def test_unreadable_images_are_packed_as_they_are(tmp_path):
    """Up to 1%: named and counted, their bytes unchanged."""
    root = tree(tmp_path / "root", {"train": {"ant": 150, "bee": 50}})
    (root / "train/bee/007.png").write_bytes(b"\x89PNG torn")
    said = pack(root, tmp_path / "out", "tiny")
    assert "1 unreadable images, packed as they are" in said
    assert "  train/bee/007.png: damaged or truncated PNG" in said
    source = Tfds("tiny", str(tmp_path / "out"), "train")
    torn = [i for i in range(len(source)) if source.stored(i) == b"\x89PNG torn"]
    assert len(source) == 200 and [source.label(i) for i in torn] == [1]


def test_more_than_one_percent_unreadable(tmp_path):
    """Ends with 65 and shows nothing; with the flag they are left out."""
    root = tree(tmp_path / "root", {"train": {"ant": 50, "bee": 50}})
    for name in ("ant/001.png", "bee/002.png"):
        (root / "train" / name).write_bytes(b"")
    with pytest.raises(DataError, match="2 of 100 images are unreadable") as caught:
        pack(root, tmp_path / "out", "tiny")
    assert "--leave_out_unreadable" in str(caught.value) and caught.value.code == 65
    assert not (tmp_path / "out/tiny").exists()
    said = pack(root, tmp_path / "out", "tiny", leave_out=True, shard_bytes=900)
    assert "2 unreadable images, left out" in said and "train: 98 images" in said
    source = Tfds("tiny", str(tmp_path / "out"), "train")
    assert len(source) == 98 and all(pixels(source, i).size for i in range(98))


def test_shards_of_which_all_is_left_out(tmp_path):
    """An empty shard is no trouble to a reader; an empty split is refused."""
    root = tree(tmp_path / "root", {"train": {"ant": 6}})
    paths = [image.path for shard in packing.Manifest(root, "tiny", 1, "train", ()).shards
             for image in shard.images]  # fmt: skip
    for path in paths[2:4]:
        (root / path).write_bytes(b"")
    pack(root, tmp_path / "out", "tiny", shard_bytes=1, leave_out=True)
    source = Tfds("tiny", str(tmp_path / "out"), "train")
    assert [source.name(i).split()[-1] for i in range(4)] == [
        os.path.basename(path) for path in paths[:2] + paths[4:]
    ]
    for path in paths:
        (root / path).write_bytes(b"")
    with pytest.raises(DataError, match="no image of train can be read"):
        pack(root, tmp_path / "out", "none", leave_out=True)


def test_again_and_another(root, tmp_path):
    """The same folder: nothing to do; another content of the same name: refused."""
    pack(root, tmp_path, "tiny")
    before = content(tmp_path)
    assert "nothing to do" in pack(root, tmp_path, "tiny")
    other = tree(tmp_path / "other", {"train": {"ant": 1}})
    with pytest.raises(ConfigError, match=r"something else.*another --name, or remove"):
        pack(other, tmp_path, "tiny")
    with pytest.raises(ConfigError, match="holds something else"):
        pack(root, tmp_path, "tiny", shard_bytes=900)
    shutil.rmtree(other)
    assert content(tmp_path) == before


def test_one_process_at_a_time(root, tmp_path):
    """A second packing of the same set is refused while the first one runs."""
    staging = tmp_path / ".preparing/tiny"
    staging.mkdir(parents=True)
    handle = os.open(staging, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(ConfigError, match="another process prepares tiny"):
        pack(root, tmp_path, "tiny")
    os.close(handle)
    pack(root, tmp_path, "tiny")


@pytest.mark.parametrize(
    ("name", "says"),
    [("cifar10", "--name=my_cifar10"), ("Tiny", "all of them small"), ("1st", "expected a letter"),
     ("a-b", "digits and _")],
)  # fmt: skip
def test_names(root, tmp_path, name, says):
    """Those that tensorflow-datasets would not find are refused."""
    with pytest.raises(ConfigError, match=says):
        pack(root, tmp_path, name)


def test_the_folder_is_the_name(tmp_path):
    """Without a name the set has the folder's, in small letters."""
    root = tree(tmp_path / "My Birds", {"train": {"ant": 1}})
    assert "data.name=my_birds" in pack(root, tmp_path / "out")


def test_not_into_itself(root):
    """`--out` inside the folder would be a split of the next packing."""
    with pytest.raises(ConfigError, match="is inside"):
        pack(root, root / "shards", "tiny")
    assert sorted(os.listdir(root)) == ["test", "train"]
