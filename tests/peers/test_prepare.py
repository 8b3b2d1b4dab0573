"""Tests of `data prepare`, with TensorFlow: TFDS's own ImageNet builder, and its view of our sets.

The tar files are small, in the official layout and under the official names, with one PNG and one
CMYK JPEG named as those of the real set, which TFDS turns into RGB JPEGs.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inception_jax import cli
from inception_jax.data.images.decode import decode
from inception_jax.data.prepare import build, imagenet
from inception_jax.data.prepare.pack import pack
from inception_jax.data.sources.tfds import Tfds
from tests.data.pictures import encoded, gradient, pixels, tree

pytestmark = [
    pytest.mark.peers,
    # Keras and TensorFlow of these versions, not ours.
    pytest.mark.filterwarnings("default"),
]
PNG, CMYK = "n02105855_2933.JPEG", "n01739381_1309.JPEG"  # as TFDS lists them
SYNSETS = {
    "n01440764": ["n01440764_18.JPEG", "n01440764_36.JPEG", "n01440764_37.JPEG"],
    "n01739381": [CMYK, "n01739381_2.JPEG"],
    "n02105855": [PNG, "n02105855_3.JPEG", "n02105855_10.JPEG"],
}
LABELS = ["n01751748", "n09193705", "n02105855"]  # the first of validation_labels.txt
ROOT = Path(__file__).resolve().parents[2]


def cmyk() -> bytes:
    out = io.BytesIO()
    Image.new("CMYK", (48, 40), (0, 200, 0, 0)).save(out, "JPEG")  # magenta, marked as by Adobe
    return out.getvalue()


def picture(name: str) -> bytes:
    """The bytes of an image of the training tar."""
    if name == PNG:
        return encoded(gradient(40, 48, shade=3), ".png")
    shade = sum(map(ord, name)) % 50
    return cmyk() if name == CMYK else encoded(gradient(40, 48, shade=shade))


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as out:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def archives(folder: Path, copies: int = 1) -> Path:
    """The two tar files; `copies` times as many images, for a test that must run longer."""
    folder.mkdir(parents=True)
    inner = {}
    for wnid, names in SYNSETS.items():
        files = {name: picture(name) for name in names}
        for i in range(copies - 1):
            files |= {f"{wnid}_{9000 + i}.JPEG": picture(f"{wnid}_18.JPEG")}
        inner[f"{wnid}.tar"] = tar(folder / "inner.tar", files).read_bytes()
    (folder / "inner.tar").unlink()
    tar(folder / "ILSVRC2012_img_train.tar", inner)
    names = [f"ILSVRC2012_val_{i + 1:08d}.JPEG" for i in range(3)]
    # Not in the order of their names, as in the real file.
    tar(folder / "ILSVRC2012_img_val.tar", {n: picture(n) for n in reversed(names)})
    return folder


def prepare(manual: Path, out: Path, *words: str, **options) -> subprocess.Popen:
    line = ["data", "prepare", "imagenet2012", f"--manual_dir={manual}", f"--data_dir={out}"]
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "inception_jax", *line, *words],
        cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A set that the command built: its folder, its output and its log."""
    root = tmp_path_factory.mktemp("imagenet")
    run = prepare(archives(root / "manual"), root / "out", "--any_size")
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    return root / "out", out, err


def test_files_of_a_built_set(built):
    """ArrayRecord files of two splits under TFDS's name, with checksums, and no other file."""
    out, printed, log = built
    assert os.listdir(out) == ["imagenet2012"]
    (folder,) = (out / "imagenet2012").iterdir()
    shards = {p.name for p in folder.glob("*.array_record*")}
    assert {name.split(".")[0] for name in shards} == {
        "imagenet2012-train", "imagenet2012-validation"
    }  # fmt: skip
    assert set(json.loads((folder / "checksums.json").read_text())["shards"]) == shards
    assert "train: 8 images" in printed and "validation: 3 images" in printed
    assert "not ImageNet's train: expected 1,281,167 images, found 8: 1,281,159 are miss" in printed
    assert "warning: " in log and "expected 147,897,477,120 bytes, found" in log
    assert "Downloading" not in printed and "\r" not in log
    bars = [line.split("  per second")[0] for line in log.splitlines() if "per second" in line]
    assert [bar for bar in bars if "  1/" not in bar] == [
        "generating train  8/8", "shuffling train  8/8", "generating validation  3/3",
        "shuffling validation  3/3", "sha256 of shards  2/2",
    ]  # fmt: skip


def test_our_source_reads_it(built):
    """Every image under its name, with the label of its synset; PNG and CMYK are RGB JPEGs."""
    out, _, _ = built
    source, seen = Tfds("imagenet2012", str(out), "train"), {}
    assert len(source.classes) == 1000
    for i in range(len(source)):
        name = source.name(i).split()[-1]
        seen[name] = source.classes[source.label(i)]
        assert source.stored(i).startswith(b"\xff\xd8")
        if name == CMYK:
            # White less 200/255 of green. TensorFlow's K is inverted as Adobe writes it.
            assert np.abs(pixels(source, i).mean((0, 1)) - (255, 55, 255)).max() < 4
        elif name == PNG:
            assert np.abs(pixels(source, i) - decode(picture(name)).astype(int)).max() <= 9
        else:
            assert source.stored(i) == picture(name)
    assert seen == {name: wnid for wnid, names in SYNSETS.items() for name in names}
    source = Tfds("imagenet2012", str(out), "validation")
    labels = {source.name(i).split()[-1]: source.classes[source.label(i)] for i in range(3)}
    assert [labels[name] for name in sorted(labels)] == LABELS


def test_data_check_of_it(built, capsys, monkeypatch):
    """Existing and missing parts of ImageNet; a flipped byte of a shard ends with 65."""
    monkeypatch.chdir(ROOT)
    out, _, _ = built
    words = ["data", "check", "--config=configs/inception_v3.py", f"--config.data.dir={out}",
             "--config.data.cache=false"]  # fmt: skip
    assert cli.main([*words, "--split=train"]) == 0
    said = capsys.readouterr().out
    assert "train: 8 images of 1,000 classes" in said and "validation: 3 images" in said
    assert "ILSVRC2012_img_train.tar  147,897,477,120 bytes" in said
    assert (
        "shards match their checksums" in said
        and "JPEG 8" in said
        and "997 classes without" in said
    )
    (shard,) = out.rglob("*validation*-of-*")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:99] + bytes([whole[99] ^ 1]) + whole[100:])
    assert cli.main([*words, "--split=train"]) == 65
    assert shard.name in capsys.readouterr().err
    shard.write_bytes(whole)


def test_already_there(built):
    """A complete set takes no time, no tar files and no TensorFlow."""
    out, _, _ = built
    began = time.monotonic()
    said = build.prepare(out / "no tar files here", out)
    assert "prepared" in said and "train: 8 images" in said and time.monotonic() - began < 2


def test_kill_9_and_again(tmp_path):
    """A killed build leaves no visible set; the same command removes its files and builds all."""
    manual, out = archives(tmp_path / "manual", copies=4000), tmp_path / "out"
    run = prepare(manual, out, "--any_size")
    part = ".preparing/imagenet2012/incomplete.*/*array_record*"
    while run.poll() is None and not list(out.glob(part)):
        time.sleep(0.001)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert run.returncode == -signal.SIGKILL and os.listdir(out) == [".preparing"]
    run = prepare(manual, out, "--any_size")
    _, err = run.communicate(timeout=300)
    assert run.returncode == 0 and "GB that an interrupted run left" in err
    assert os.listdir(out) == ["imagenet2012"]
    assert len(Tfds("imagenet2012", str(out), "train")) == 8 + 3 * 3999


def test_tensorflow_reads_a_packed_folder(tmp_path):
    """TFDS decodes every image of a set that we packed as OpenCV does, with its label."""
    import tensorflow_datasets as tfds

    root = tree(tmp_path / "root", {"train": {"ant": 7, "bee": 5}})
    pack(root, tmp_path / "out", "tiny", shard_bytes=900)
    seen = set()
    for row in tfds.data_source("tiny", data_dir=tmp_path / "out", split="train"):
        path = root / "train" / ("ant", "bee")[row["label"]] / row["file_name"].decode()
        assert (row["image"] == cv2.imread(str(path))[..., ::-1]).all()
        seen.add(path)
    assert len(seen) == 12


def test_the_official_files():
    """Sizes are those that TFDS lists, md5 those of torchvision."""
    import tensorflow_datasets as tfds

    listed = tfds.core.tfds_path("datasets/imagenet2012/checksums.tsv").read_text()
    sizes = {line.split()[0].rpartition("/")[2]: int(line.split()[1])
             for line in listed.splitlines()}  # fmt: skip
    assert {a.file: a.size for a in imagenet.ARCHIVES} == sizes
    theirs = pytest.importorskip("torchvision.datasets.imagenet").ARCHIVE_META
    assert {a.file: a.md5 for a in imagenet.ARCHIVES} == dict(
        theirs[key] for key in ("train", "val")
    )
