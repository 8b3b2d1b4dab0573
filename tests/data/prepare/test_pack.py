"""Tests of inception_jax.data.prepare.pack."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from array_record.python import array_record_module

from inception_jax import cli
from inception_jax.data.prepare import pack as packing
from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.contract import Contract
from inception_jax.data.prepare.pack import pack
from inception_jax.data.prepare.raw_shard import RawWriter
from inception_jax.data.sources.tfds import Tfds
from inception_jax.errors import ConfigError, DataError, DiskFullError
from tests.data.pictures import pixels, tree

SIZES = {"train": {"ant": 90, "bee": 41, "cow": 70}, "test": {"ant": 5, "cow": 2}}
SET = "tiny/1.0.0"


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def interrupted(monkeypatch, after: int, error: BaseException):
    """Makes the read after file number `after` fail."""
    convert, calls = packing._Packer.convert, []

    def failing(packer, image):
        calls.append(image)
        if len(calls) > after:
            raise error
        return convert(packer, image)

    monkeypatch.setattr(packing._Packer, "convert", failing)
    return calls


def test_reads_back(root, tmp_path):
    """Our source reads each file's bytes, label and name, in mixed order."""
    summary = pack(root, tmp_path, "tiny", shard_bytes=9000)
    assert "train: 201 images" in summary and f"--config.data.dir={tmp_path}" in summary
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
    assert os.listdir(tmp_path) == ["tiny"]  # no staging folder remains


def test_a_name_that_is_not_utf_8(tmp_path):
    """Its bytes are kept, and shown with a replacement character."""
    root = tree(tmp_path / "root", {"train": {"ant": 1}})
    os.rename(root / "train/ant/000.png", os.fsencode(root) + b"/train/ant/caf\xe9.png")
    pack(root, tmp_path / "out", "tiny")
    source = Tfds("tiny", str(tmp_path / "out"), "train")
    assert source.name(0) == "tiny/train/0 caf\ufffd.png"
    assert source._record(0)["file_name"].bytes_list.value[0] == b"caf\xe9.png"


def test_tfds_can_read_it(root, tmp_path):
    """`tfds.builder_from_directory` finds features, names, counts, and records."""
    import tensorflow_datasets as tfds

    pack(root, tmp_path, "tiny")
    builder = tfds.builder_from_directory(tmp_path / SET)
    assert builder.info.features["label"].names == ["ant", "bee", "cow"]
    assert builder.info.splits["train"].num_examples == 201
    assert set(builder.info.features) == {"image", "label", "file_name"}
    assert len(builder.as_data_source("test[:50%]")) == 4


def test_packing_is_deterministic(root, tmp_path):
    """Packing two copies of a folder gives identical files."""
    copy = shutil.copytree(root, tmp_path / "copy", copy_function=shutil.copyfile)
    pack(root, tmp_path / "a", "tiny", shard_bytes=9000)
    pack(copy, tmp_path / "b", "tiny", shard_bytes=9000)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_kill_9_and_again(tmp_path, capsys):
    """After a kill no set is visible; the same command continues, to identical files."""
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
    (state.parent / "1.0.0" / ".tiny-train.array_record-00030-of-00039.1.partial").write_bytes(
        b"half"
    )
    (state.parent / ".state.json.1.partial").write_bytes(b"half")
    assert cli.main(words) == 0
    assert f"continuing: {len(whole) - 1} shards are complete" in capsys.readouterr().err
    pack(root, tmp_path / "undisturbed", "tiny", shard_bytes=10**6)
    assert content(tmp_path / "out") == content(tmp_path / "undisturbed")


def test_complete_shards_are_not_read_again(root, tmp_path, monkeypatch):
    """An interrupted packing continues with the first incomplete shard."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupted(patch, 150, KeyboardInterrupt())
        pack(root, tmp_path, "tiny", shard_bytes=9000)
    done = json.loads((tmp_path / ".preparing/tiny/state.json").read_text())["done"]
    calls = interrupted(monkeypatch, 10**6, KeyboardInterrupt())
    pack(root, tmp_path, "tiny", shard_bytes=9000)
    assert len(calls) == 208 - sum(record["length"] for record in done.values()) < 208


@pytest.mark.parametrize("contract", [Contract(16, 90), Contract(raw=True)], ids=["small", "raw"])
def test_other_contracts_continue_too(root, tmp_path, monkeypatch, contract):
    """To the files of an undisturbed packing; another contract is refused, before and after."""
    options = {"shard_bytes": 9000, "contract": contract}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupted(patch, 250, KeyboardInterrupt())
        pack(root, tmp_path / "out", "tiny", **options)
    whole = json.loads((tmp_path / "out/.preparing/tiny/state.json").read_text())["done"]
    with pytest.raises(ConfigError, match=r"unfinished set with side .* not 20"):
        pack(root, tmp_path / "out", "tiny", shard_bytes=9000, contract=Contract(20, 90))
    calls = interrupted(monkeypatch, 10**6, KeyboardInterrupt())
    pack(root, tmp_path / "out", "tiny", **options)
    remaining = 208 - sum(record["length"] for record in whole.values())
    assert whole and remaining <= len(calls) <= remaining + packing.SAMPLE
    pack(root, tmp_path / "b", "tiny", **options)
    assert content(tmp_path / "out") == content(tmp_path / "b")
    manifest = json.loads((tmp_path / "out" / SET / "checksums.json").read_text())
    assert manifest["contract"] == contract.json()
    with pytest.raises(ConfigError, match="packed with other flags"):
        pack(root, tmp_path / "out", "tiny", shard_bytes=9000, contract=Contract(20, 90))


def test_unreadable_images_have_no_pixels(tmp_path):
    """A raw set leaves them out, up to 1%; a pre-shrunk one stores their files."""
    root = tree(tmp_path / "root", {"train": {"ant": 150, "bee": 50}})
    (root / "train/bee/007.png").write_bytes(b"\x89PNG torn")
    summary = pack(root, tmp_path / "out", "raws", contract=Contract(raw=True))
    assert "1 unreadable images, left out:" in summary and "train: 199 images" in summary
    assert "--config.data.source=raw" in summary
    assert "packed as they are" in pack(root, tmp_path / "out", "small", contract=Contract(16, 90))
    assert len(Tfds("small", str(tmp_path / "out"), "train")) == 200


def test_a_folder_that_has_changed(root, tmp_path, monkeypatch, capsys):
    """Its shards are discarded, even if only a file's modification time changed."""
    copy = shutil.copytree(root, tmp_path / "copy")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupted(patch, 150, KeyboardInterrupt())
        pack(copy, tmp_path / "out", "tiny", shard_bytes=9000)
    os.utime(copy / "train/ant/003.png")
    pack(copy, tmp_path / "out", "tiny", shard_bytes=9000)
    assert "the folder or the flags have changed: starting over" in capsys.readouterr().err
    pack(copy, tmp_path / "b", "tiny", shard_bytes=9000)
    assert content(tmp_path / "out") == content(tmp_path / "b")


def test_disk_full_in_the_middle(root, tmp_path, monkeypatch):
    """The writer's error on a full device gives exit code 74; the same command continues."""
    real, opened = array_record_module.ArrayRecordWriter, []

    def writer(path, options):
        opened.append(path)
        return real(path if len(opened) < 4 else "/dev/full", options)

    with monkeypatch.context() as patch:
        patch.setattr(array_record_module, "ArrayRecordWriter", writer)
        with pytest.raises(DiskFullError, match="run the same command again; complete") as caught:
            pack(root, tmp_path, "tiny", shard_bytes=9000)
    assert caught.value.code == 74 and os.listdir(tmp_path) == [".preparing"]
    pack(root, tmp_path, "tiny", shard_bytes=9000)
    pack(root, tmp_path / "b", "tiny", shard_bytes=9000)
    assert content(tmp_path / "tiny") == content(tmp_path / "b" / "tiny")


def test_disk_full_in_a_raw_shard(root, tmp_path, monkeypatch):
    """The same exit code, and no set."""
    monkeypatch.setattr(packing, "RawWriter", lambda path: RawWriter(Path("/dev/full")))
    with pytest.raises(DiskFullError, match="run the same command again; complete") as caught:
        pack(root, tmp_path, "tiny", contract=Contract(raw=True))
    assert caught.value.code == 74 and not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("contract", [Contract(), Contract(16, 90), Contract(raw=True)])
def test_the_room_needed_is_enough(root, tmp_path, monkeypatch, contract):
    """The estimate is at least the bytes written, and at most twice as many."""
    asked = []
    monkeypatch.setattr(prepared, "check_room", lambda out, size, name: asked.append(size))
    pack(root, tmp_path, "tiny", shard_bytes=9000, contract=contract)
    written = sum(path.stat().st_size for path in (tmp_path / SET).glob("tiny-*"))
    assert written <= asked[0] <= 2 * written


def test_unreadable_images_are_packed_as_they_are(tmp_path):
    """Up to 1%: named and counted, their bytes unchanged."""
    root = tree(tmp_path / "root", {"train": {"ant": 150, "bee": 50}})
    (root / "train/bee/007.png").write_bytes(b"\x89PNG torn")
    summary = pack(root, tmp_path / "out", "tiny")
    assert "1 unreadable images, packed as they are" in summary
    assert "  train/bee/007.png: damaged or truncated PNG" in summary
    source = Tfds("tiny", str(tmp_path / "out"), "train")
    torn = [i for i in range(len(source)) if source.stored(i) == b"\x89PNG torn"]
    assert len(source) == 200 and [source.label(i) for i in torn] == [1]


def test_more_than_one_percent_unreadable(tmp_path):
    """Exit code 65 and no set; with the flag they are left out."""
    root = tree(tmp_path / "root", {"train": {"ant": 50, "bee": 50}})
    for name in ("ant/001.png", "bee/002.png"):
        (root / "train" / name).write_bytes(b"")
    with pytest.raises(DataError, match="2 of 100 images are unreadable") as caught:
        pack(root, tmp_path / "out", "tiny")
    assert "--leave_out_unreadable" in str(caught.value) and caught.value.code == 65
    assert not (tmp_path / "out/tiny").exists()
    summary = pack(root, tmp_path / "out", "tiny", leave_out=True, shard_bytes=900)
    assert "2 unreadable images, left out" in summary and "train: 98 images" in summary
    source = Tfds("tiny", str(tmp_path / "out"), "train")
    assert len(source) == 98 and all(pixels(source, i).size for i in range(98))


def test_shards_without_readable_images(tmp_path):
    """An empty shard can be read; an empty split is refused."""
    root = tree(tmp_path / "root", {"train": {"ant": 6}})
    paths = [image.path for shard in packing.of_folder(root, "tiny", 1, "train", ()).shards
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
    with pytest.raises(DataError, match="train: none of its images can be read"):
        pack(root, tmp_path / "out", "none", leave_out=True)


def test_again_and_another(root, tmp_path):
    """The same folder: nothing to do. Other files under the same name: refused."""
    pack(root, tmp_path, "tiny")
    before = content(tmp_path)
    assert "nothing to do" in pack(root, tmp_path, "tiny")
    other = tree(tmp_path / "other", {"train": {"ant": 1}})
    with pytest.raises(ConfigError, match=r"other files.*another --name, or remove"):
        pack(other, tmp_path, "tiny")
    with pytest.raises(ConfigError, match="holds other files"):
        pack(root, tmp_path, "tiny", shard_bytes=900)
    shutil.rmtree(other)
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "says"),
    [("cifar10", "--name=my_cifar10"), ("Tiny", "lower-case letter"), ("1st", "lower-case letter"),
     ("a-b", "digits or _")],
)  # fmt: skip
def test_names(root, tmp_path, name, says):
    """Names that tensorflow-datasets could not load are refused."""
    with pytest.raises(ConfigError, match=says):
        pack(root, tmp_path, name)


def test_the_default_name(tmp_path):
    """The folder's name in lower case."""
    root = tree(tmp_path / "My Birds", {"train": {"ant": 1}})
    assert "data.name=my_birds" in pack(root, tmp_path / "out")


def test_out_inside_the_folder(root):
    """`--out` inside the folder would be a split of the next packing."""
    with pytest.raises(ConfigError, match="is inside"):
        pack(root, root / "shards", "tiny")
    assert sorted(os.listdir(root)) == ["test", "train"]
