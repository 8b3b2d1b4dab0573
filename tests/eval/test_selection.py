"""Tests `inception_jax/eval/selection.py`: images chosen by lists of names or ids."""

import pytest

from inception_jax.data.sources.cached import Cached
from inception_jax.data.sources.folder import Folder
from inception_jax.data.sources.source import file_of
from inception_jax.errors import ConfigError, DataError
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
    """ImageNet ids of the files, 0 for others; through a cache too."""
    assert files.ids.tolist() == [1, 21, 41, 11, 31, 51]
    assert file_of(Cached(files.source), 0) == files.source.name(0)


def test_names_from_tfds():
    """A source with a method `file` gives the names."""

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
    """Its number, its name, any end of its path, with or without extension."""
    path = listed(tmp_path / "list", word, "", " 11 ")
    assert choose(files, path, "").tolist() == [2, 3]
    assert choose(files, "", path).tolist() == [0, 1, 4, 5]


def test_both_lists(files, tmp_path):
    """Images in the subset that are not excluded."""
    some, bad = listed(tmp_path / "a", "1", "11", "21"), listed(tmp_path / "b", "21", "31", "999")
    assert choose(files, some, bad).tolist() == [0, 3]
    assert choose(files, "", "").tolist() == list(range(6))


def test_refused_lists(files, tmp_path):
    """Unmatched lines, a missing file, and an empty selection raise."""
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
