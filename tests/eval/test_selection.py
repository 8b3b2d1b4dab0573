"""Tests of inception_jax.eval.selection and inception_jax.eval.real."""

import json

import numpy as np
import pytest

from inception_jax.data import imagenet
from inception_jax.data.imagenet import wnids
from inception_jax.data.sources.cached import Cached
from inception_jax.data.sources.folder import Folder
from inception_jax.data.sources.source import file_of
from inception_jax.errors import ConfigError, DataError
from inception_jax.eval.real import Real
from inception_jax.eval.selection import FileNames, choose
from tests.data import pictures


@pytest.fixture
def files(tmp_path):
    """Two classes of three files, named as ImageNet's validation set names them."""
    for i in range(6):
        folder = tmp_path / "val" / ("n01440764", "n01443537")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"ILSVRC2012_val_{10 * i + 1:08d}.JPEG"
        path.write_bytes(pictures.encoded(pictures.gradient()))
    return FileNames(Folder(tmp_path, "val"), threads=2)


def listed(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_ids(files):
    """Numbers of the files; 0 for others; through a cache too."""
    assert files.ids.tolist() == [1, 21, 41, 11, 31, 51]
    assert file_of(Cached(files.source), 0) == files.source.name(0)


def test_names_that_tfds_keeps():
    """A source with `file` is asked for it."""

    class Shards(pictures.Pictures):
        def file(self, index):
            return f"ILSVRC2012_val_{50 - index:08d}.JPEG"

    assert FileNames(Shards(3)).ids.tolist() == [50, 49, 48]
    assert FileNames(pictures.Pictures(2)).names == ["picture 0", "picture 1"]


@pytest.mark.parametrize(
    "word",
    ["41", "00000041", "ILSVRC2012_val_00000041.JPEG", "ILSVRC2012_val_00000041",
     "n01440764/ILSVRC2012_val_00000041.JPEG", "val/n01440764/ILSVRC2012_val_00000041.JPEG"],
)  # fmt: skip
def test_words_for_an_image(files, tmp_path, word):
    """Its number, its name, any end of its path, with or without suffix."""
    path = listed(tmp_path / "list", word, "", " 11 ")
    assert choose(files, path, "").tolist() == [2, 3]
    assert choose(files, "", path).tolist() == [0, 1, 4, 5]


def test_both_lists(files, tmp_path):
    """Those of the one that are not in the other."""
    some, bad = listed(tmp_path / "a", "1", "11", "21"), listed(tmp_path / "b", "21", "31", "999")
    assert choose(files, some, bad).tolist() == [0, 3]
    assert choose(files, "", "").tolist() == list(range(6))


def test_refused_lists(files, tmp_path):
    """A missing image of a subset, a list that names nothing, no list at all, and nothing left."""
    with pytest.raises(DataError, match=r"--subset=.*1 lines name none: '999'"):
        choose(files, listed(tmp_path / "a", "1", "999"), "")
    with pytest.raises(DataError, match=r"--without=.*name none: 'cat'"):
        choose(files, "", listed(tmp_path / "a", "cat"))
    with pytest.raises(ConfigError, match="found none"):
        choose(files, "nowhere", "")
    with pytest.raises(DataError, match="no image is left"):
        choose(files, listed(tmp_path / "a", "1"), listed(tmp_path / "b", "1"))
    with pytest.raises(DataError, match="numbers need files named ILSVRC2012"):
        choose(FileNames(pictures.Pictures(5)), listed(tmp_path / "a", "0", "1"), "")


def test_a_name_of_two_images(tmp_path):
    """The same file name in two classes is refused; its path is not."""
    files = FileNames(Folder(pictures.tree(tmp_path, {"val": {"cat": 2, "dog": 2}}), "val"))
    with pytest.raises(DataError, match=r"'000' names 2 images, such as val/cat/000.png"):
        choose(files, listed(tmp_path / "a", "000"), "")
    assert choose(files, listed(tmp_path / "a", "dog/000"), "").tolist() == [2]


def test_real_labels(tmp_path):
    """Of four images one has no labels; a hit is any of an image's labels."""
    lists = [[] for _ in range(imagenet.IMAGES["validation"])]
    lists[0], lists[10], lists[20] = [3, 7], [5], [9]
    path = tmp_path / "real.json"
    path.write_text(json.dumps(lists))
    real = Real(path, wnids(), np.array([1, 31, 21, 11]))  # validation ids of images 0 to 3
    log = np.full((4, 1000), -9.0)
    log[0, 7] = log[3, 6:10] = log[2, 0] = log[1, 5] = 0  # right, near, wrong, not counted
    log[3, 5] = -1
    log[2, 1:6] = -1
    assert real.hits(np.arange(4), log) == (3, 1, 2)
    assert real.hits(np.array([3]), log[3:]) == (1, 0, 1)


def test_real_refuses(tmp_path):
    """Another form, other classes, other files."""
    path, ids = tmp_path / "real.json", np.array([1])
    with pytest.raises(ConfigError, match="found none"):
        Real(path, wnids(), ids)
    for text in ("{}", "[[1]]", "no", json.dumps([[1000]] * imagenet.IMAGES["validation"])):
        path.write_text(text)
        with pytest.raises(DataError, match="50,000 lists"):
            Real(path, wnids(), ids)
    path.write_text(json.dumps([[1]] * imagenet.IMAGES["validation"]))
    with pytest.raises(DataError, match="ImageNet's 1,000 classes"):
        Real(path, ("cat", "dog"), ids)
    with pytest.raises(DataError, match="files named"):
        Real(path, wnids(), np.array([0]))
