"""Tests of inception_jax.data.prepare.build without TensorFlow; tests/peers has the rest."""

import pytest

from inception_jax.data.prepare import archives, build, prepared
from inception_jax.errors import ConfigError, DataError
from tests.data.prepared_sets import prepare


def test_a_set_of_another_format_is_in_the_way(tmp_path):
    """A set prepared as TFRecord is refused with the way out; nothing is removed."""
    folder = prepare(tmp_path, "imagenet2012", file_format="tfrecord") / "imagenet2012"
    (folder / "1.0.0").rename(folder / "5.1.0")
    with pytest.raises(ConfigError, match="prepared as tfrecord, expected array_record"):
        build.prepare(tmp_path, tmp_path)
    (folder / "5.1.0/dataset_info.json").write_text("{")
    with pytest.raises(ConfigError, match="exists and is not a prepared set"):
        build.prepare(tmp_path, tmp_path)


def test_an_existing_set_is_described(tmp_path):
    """Its counts, what they lack, and the flags that read it; no tar file is needed."""
    folder = prepare(tmp_path, "imagenet2012") / "imagenet2012"
    (folder / "1.0.0").rename(folder / "5.1.0")
    said = build.prepare(tmp_path / "nowhere", tmp_path)
    assert "train: 20 images" in said and "1,281,147 are missing" in said
    assert f"--config.data.dir={tmp_path}" in said


def test_what_a_killed_build_left_is_removed(tmp_path, monkeypatch, capsys):
    """Only in the staging folder, and only when a new build can start."""
    left = tmp_path / ".preparing/imagenet2012/incomplete.ABCDEF_5.1.0/bucket.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 200)

    class Started(Exception):
        pass

    def builder(name, data_dir):
        assert (name, data_dir) == ("imagenet2012", str(tmp_path / ".preparing"))
        assert not left.exists()
        raise Started

    with pytest.raises(DataError, match="is missing"):
        build.prepare(tmp_path, tmp_path)
    assert left.exists()
    monkeypatch.setattr(archives, "preflight", lambda *_: {})
    monkeypatch.setattr("tensorflow_datasets.builder", builder)
    with pytest.raises(Started):
        build.prepare(tmp_path, tmp_path)
    assert "removing 0.0 GB that an interrupted run left" in capsys.readouterr().err
    assert not (tmp_path / prepared.STAGING).exists()
