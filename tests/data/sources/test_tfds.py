"""Tests `inception_jax/data/sources/tfds.py`, on sets that tensorflow-datasets wrote."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.tfds import Tfds
from inception_jax.errors import ConfigError
from inception_jax.eval.selection import FileNames
from tests.data.pictures import encoded, gradient, pixels
from tests.data.prepared_sets import prepare


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with the set `tiny`."""
    return prepare(tmp_path_factory.mktemp("tfds"))


@pytest.fixture
def offline(monkeypatch):
    """Any attempt to reach a network fails the test."""

    def refuse(*address, **options):
        pytest.fail(f"the network was asked for {address}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def test_names_of_files(root, tmp_path):
    """`file` is the feature of the set, as in imagenet2012; else the record's name."""
    named = prepare(tmp_path, files="ILSVRC2012_val_{:08d}.JPEG")
    source = Tfds("tiny", str(named), "test")
    assert [source.file(i) for i in (0, 5)] == [
        "ILSVRC2012_val_00000006.JPEG",
        "ILSVRC2012_val_00000001.JPEG",
    ]
    assert FileNames(source, threads=3).ids.tolist() == [6, 5, 4, 3, 2, 1]
    assert Tfds("tiny", str(root), "test").file(2) == "tiny/test/2"


def test_reads_what_was_written(root, offline):
    """Images, labels, class names and record names of a prepared set, in order, across shards."""
    source = Tfds("tiny", str(root), "train")
    assert len(source) == 20 and source.classes == ("ant", "bee", "cow")
    assert source.name(3) == "tiny/train/3"
    for i in (0, 9, 10, 19):
        assert source.label(i) == i % 3
        image = pixels(source, i)
        assert image.dtype == np.uint8
        expected = cv2.imdecode(np.frombuffer(encoded(gradient(shade=i)), np.uint8), 1)[..., ::-1]
        assert np.abs(image.astype(int) - expected).max() <= 2  # two builds of libjpeg-turbo
    assert len(Tfds("tiny:1.0.0", str(root), "test")) == 6


def test_a_torn_image_is_a_bad_image(root):
    """Unreadable pixels in a record are BadImageError; its label is readable."""
    source = Tfds("tiny", str(root), "train")
    with pytest.raises(BadImageError):
        pixels(source, 4)
    assert source.label(4) == 1


@pytest.mark.parametrize(("split", "first", "count"), [("train[:50%]", 0, 10), ("train[5:8]", 5, 3),
                                                       ("test+train[10:]", 0, 16)])  # fmt: skip
def test_slices_of_splits(root, split, first, count):
    """TFDS's slices name parts of a split."""
    source = Tfds("tiny", str(root), split)
    assert len(source) == count
    assert source.label(0) == first % 3


def test_a_record_is_read_once(root):
    """Image and label of one index cost one read, and each thread has its own last record."""
    source = Tfds("tiny", str(root), "train")
    records, reads = source._records, []

    class Counted:
        def __getitem__(self, index):
            reads.append(index)
            return records[index]

    source._records = Counted()
    for i in (2, 3, 2):
        pixels(source, i)
        source.label(i)
    assert reads == [2, 3, 2]
    with ThreadPoolExecutor(1) as other:
        pixels(source, 7)
        other.submit(source.stored, 8).result()
        assert (source.label(7), other.submit(source.label, 8).result()) == (1, 2)
    assert reads[3:] == [7, 8]


def test_supervised_keys_name_the_features(tmp_path):
    """A set whose image and label have other names is read by its supervised keys."""
    source = Tfds("named", str(prepare(tmp_path, "named", "photo", "species")), "test")
    assert source.label(5) == 2 and pixels(source, 5).shape == (24, 32, 3)


@pytest.mark.parametrize(
    ("name", "split", "says"),
    [
        ("", "train", "data.name is empty"),
        ("no_such_set", "train", r"data.name=no_such_set: tensorflow-datasets has no set of this"),
        ("tiny", "validation", r"no split 'validation' in \S+, found train, test \(and slices"),
        ("tiny", "train[", r"no split 'train\['"),
        ("tiny:9.0.0", "train", "data.name=tiny:9.0.0"),
        ("mnist:9.9.9", "train", "cannot be loaded at version 9.9.9"),
        (
            "imagenet2012",
            "train",
            r"not prepared: no files in \S+/imagenet2012/\S+. Set --config.data.dir",
        ),
        ("lfw", "train", "expected an image feature and a class label, got .*'label': 'Text'"),
        ("ag_news_subset", "train", "expected an image feature and a class label, got"),
        ("words", "train", "expected an image feature and a class label, got .*'label': 'Text'"),
        ("records", "train", r"expected ArrayRecord files in \S+, found tfrecord"),
        ("secret", "test", r"data.name=secret: split 'test' has no labels"),
    ],
)
def test_wrong_flags(root, offline, name, split, says):
    """Refused without network access; the message has the flag to change."""
    variants = {
        "words": {"kind": "text"}, "records": {"file_format": "tfrecord"},
        "secret": {"labelled": False},
    }  # fmt: skip
    if name in variants and not (root / name).exists():
        prepare(root, name, **variants[name])
    with pytest.raises(ConfigError, match=says):
        Tfds(name, str(root), split)


def test_tensorflow_is_never_imported(root):
    """Batches of a TFDS set are read, for training and evaluation, without TensorFlow.

    A TensorFlow that fails on import stands in its way: the test holds where it is installed.
    """
    program = f"""
import sys
from tests.data.pictures import settings, viewer
from inception_jax.data import pipeline
from inception_jax.data.sources.open import open_source
data = settings(source="tfds", name="tiny", dir={str(root)!r}, cache=False)
source = open_source(data, "train[5:]")
for read in (pipeline.TrainReader(source, data, 0), viewer(source, data)):
    for batch in pipeline.batches(read, 4, range(3), 2):
        assert batch["image"].shape[-3:] == (6, 6, 3)
print("tensorflow" in sys.modules)
"""
    trap = root / "trap"
    trap.mkdir(exist_ok=True)
    (trap / "tensorflow.py").write_text("raise AssertionError('TensorFlow was imported')")
    env = {**os.environ, "PYTHONPATH": f"{trap}{os.pathsep}{Path(__file__).parents[3]}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
