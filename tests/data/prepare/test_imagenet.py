"""Tests of inception_jax.data.prepare.imagenet and of what `build` says without TensorFlow."""

import pytest

from inception_jax.data.prepare import archives, build, imagenet, prepared
from inception_jax.errors import ConfigError, DataError
from tests.data.sources.test_tfds import prepare

WNIDS = [f"n{i:08d}" for i in range(1000)]


@pytest.mark.parametrize(
    ("name", "classes", "is_it"),
    [("imagenet2012", ["tench"], True), ("imagenet2012:5.1.0", [], True), ("", WNIDS, True),
     ("", WNIDS[1:], False), ("", ["tench", *WNIDS[1:]], False), ("imagenette", ["n01"], False)],
)  # fmt: skip
def test_is_imagenet(name, classes, is_it):
    """By its name, or by a thousand WordNet folders."""
    assert imagenet.is_imagenet(name, classes) == is_it


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"train": 1_281_167, "validation": 50_000}, []),
        ({"train": 1_281_167, "val": 50_000, "test": 3}, []),
        ({"train": 1_281_160, "val": 50_000}, ["7 are missing", "ILSVRC2012_img_train.tar"]),
        ({"train": 1_281_167}, ["validation: expected 50,000 images, found 0: 50,000 are missing"]),
        ({"train": 1_281_167, "val": 50_001}, ["found 50,001: 1 too many"]),
    ],
)
def test_difference(found, says):
    """What is missing of which split, and only of that split the file that has it."""
    said = "\n".join(imagenet.difference(found))
    assert all(text in said for text in says) and bool(said) == bool(says)
    assert ("img_train.tar" in said) == (found["train"] != 1_281_167)
    assert "image-net.org" in said or not says


def test_a_set_of_another_format_is_in_the_way(tmp_path):
    """Prepared before as TFRecord: said, with what to do; nothing is removed."""
    folder = prepare(tmp_path, "imagenet2012", file_format="tfrecord") / "imagenet2012"
    (folder / "1.0.0").rename(folder / "5.1.0")
    with pytest.raises(ConfigError, match="prepared as tfrecord, expected array_record"):
        build.prepare(tmp_path, tmp_path)
    (folder / "5.1.0/dataset_info.json").write_text("{")
    with pytest.raises(ConfigError, match="in the way and no prepared set"):
        build.prepare(tmp_path, tmp_path)


def test_a_set_that_is_there(tmp_path):
    """Its counts, what they lack, and how to read it; no tar file is asked for."""
    folder = prepare(tmp_path, "imagenet2012") / "imagenet2012"
    (folder / "1.0.0").rename(folder / "5.1.0")
    said = build.prepare(tmp_path / "nowhere", tmp_path)
    assert "train: 20 images" in said and "1,281,147 are missing" in said
    assert f"--config.data.dir={tmp_path}" in said


def test_what_a_killed_build_left_is_removed(tmp_path, monkeypatch, capsys):
    """Only there, and only when another can begin."""
    left = tmp_path / ".preparing/imagenet2012/incomplete.ABCDEF_5.1.0/bucket.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 200)

    class Begun(Exception):
        pass

    def builder(name, data_dir):
        assert (name, data_dir) == ("imagenet2012", str(tmp_path / ".preparing"))
        assert not left.exists()
        raise Begun

    with pytest.raises(DataError, match="is missing"):
        build.prepare(tmp_path, tmp_path)
    assert left.exists()
    monkeypatch.setattr(archives, "preflight", lambda *_: {})
    monkeypatch.setattr("tensorflow_datasets.builder", builder)
    with pytest.raises(Begun):
        build.prepare(tmp_path, tmp_path)
    assert "removing 0.0 GB that an interrupted run left" in capsys.readouterr().err
    assert not (tmp_path / prepared.STAGING).exists()
