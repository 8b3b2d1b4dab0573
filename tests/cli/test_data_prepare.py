"""Tests `inception-jax data prepare`, and the mistakes of all actions of `data`."""

import pytest

from inception_jax import cli
from inception_jax.data.prepare import archives

PAGE = "--config=configs/finetune.py"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch, request):
    """Pages are found from the repository."""
    monkeypatch.chdir(request.config.rootpath)


def test_prepare_imagenet_says_what_is_missing(tmp_path, capsys, monkeypatch):
    """Exit 65 for the files; 78 and the pip line when only TensorFlow is missing."""
    words = [
        "data",
        "prepare",
        "imagenet2012",
        f"--manual_dir={tmp_path}",
        f"--data_dir={tmp_path}",
    ]
    assert cli.main(words) == 65
    assert "ILSVRC2012_img_train.tar is missing: 147,897,477,120 bytes" in capsys.readouterr().err
    for archive in archives.ARCHIVES:
        (tmp_path / archive.file).write_bytes(b"")
    monkeypatch.setattr(archives, "BUILD_MODULES", ("no_such_module",))
    assert cli.main([*words, "--any_size"]) == 78
    assert "pip install 'inception-jax[prepare]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "`data prepare` or `data bench`, got no action"),
        (["chekc"], "got chekc"),
        (["prepare"], "expected `data prepare folder DIR` or `data prepare imagenet2012`"),
        (["prepare", "folder", "--out=x"], "got folder"),
        (["prepare", "cifar10"], "got cifar10"),
        (["prepare", "imagenet2012", "DIR"], "got imagenet2012 DIR"),
        (["prepare", "folder", "x"], "expected --out=DIR"),
        (["prepare", "imagenet2012"], "expected --manual_dir=DIR"),
        (["prepare", "folder", "x", "--out=y", "--md5"], "--md5 is not a flag of `data prepare"),
        (["prepare", "imagenet2012", "--manual_dir=x", "--name=y"], "--name is not a flag of"),
        (["prepare", "folder", "x", "--out=y", "--shard_mb=0"], "--shard_mb=0: expected a whole"),
        (["prepare", "folder", "/nowhere", "--out=y"], "/nowhere: expected a folder `split/cla"),
        (["prepare", "folder", "x", "--out=y", "--data_dir=z"], "--data_dir is not a flag of"),
        (["prepare", "folder", "x", "--out=y", "--raw", "--quality=9"], "no effect with --raw"),
        (["prepare", "folder", "x", "--out=y", "--quality=101"], "--quality=101: expected 1 to 1"),
        (["prepare", "tfds", "x", "--out=y", "--name=z"], "expected --side=N, --quality=N or --r"),
        (["prepare", "tfds", "x", "--out=y", "--side=9"], "expected --name=NAME"),
        (["prepare", "tfds", "--side=9"], "or `data prepare tfds SET`, got tfds"),
        (["bench"], "expected --folder=DIR, a folder of images, or --config=PAGE"),
        (["bench", "--folder=/nowhere"], "found no folder at /nowhere"),
        (["bench", "--folder=.", "--interpolation=best"], "expected one of 'bilinear', 'nearest'"),
        (["bench", "--folder=.", "--batch=0"], "--batch=0: expected a whole number of at least 1"),
        (["check"], "expected --config="),
        (["check", PAGE, "--spilt=x"], "did you mean --split"),
    ],
)  # fmt: skip
def test_mistakes(words, says, capsys):
    """Each ends with 78 and says what was expected."""
    assert cli.main(["data", *words]) == 78
    assert says in capsys.readouterr().err
