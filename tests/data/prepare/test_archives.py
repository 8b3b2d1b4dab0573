"""Tests of inception_jax.data.prepare.archives."""

import hashlib
import io
import shutil
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from inception_jax.data.prepare import archives, imagenet
from inception_jax.errors import ConfigError, DataError, DiskFullError

TRAIN, VAL = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def write(folder: Path, train: bytes | None = None, val: bytes | None = None) -> Path:
    """Small tar files in the official layout: 5 and 2 images."""
    inner = {w: tar({f"{w}_{i}.JPEG": b"x" for i in range(n)}) for w, n in
             (("n01440764", 3), ("n01443537", 2))}  # fmt: skip
    train = tar({f"{w}.tar": data for w, data in inner.items()}) if train is None else train
    names = [f"ILSVRC2012_val_{i:08d}.JPEG" for i in (2, 1)]
    (folder / TRAIN).write_bytes(train)
    (folder / VAL).write_bytes(tar(dict.fromkeys(names, b"y")) if val is None else val)
    return folder


@pytest.fixture
def buildable(monkeypatch):
    """As if TensorFlow were installed."""
    monkeypatch.setattr(archives, "BUILD_MODULES", ("json",))


@pytest.fixture
def official(monkeypatch):
    """official(folder) declares small files the official ones."""

    def take(folder: Path) -> None:
        rows = []
        for a in imagenet.ARCHIVES:
            data = (folder / a.file).read_bytes()
            md5 = hashlib.md5(data).hexdigest()
            rows.append(imagenet.Archive(a.file, len(data), md5, a.split))
        monkeypatch.setattr(archives, "ARCHIVES", tuple(rows))

    return take


def test_everything_is_missing(tmp_path, monkeypatch):
    """One message lists both files with size and source, the disk space, and TensorFlow."""
    monkeypatch.setattr(archives, "BUILD_MODULES", ("json", "tensorflow_of_tomorrow"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    with pytest.raises(DataError) as caught:
        assert archives.preflight(tmp_path, tmp_path / "out", False).keys() == {
            "train",
            "validation",
        }
    message = str(caught.value)
    for text in (f"{tmp_path / TRAIN} is missing: 147,897,477,120 bytes",
                 f"{tmp_path / VAL} is missing: 6,744,924,160 bytes", "image-net.org",
                 "1d675b47d978889d74fa0da5fadfb00e", "29b22e2961454d5413ddabcf34fc5622",
                 "needs 156,188,825,292 bytes", "1,000,000,000 are free",
                 "make room for 155,188,825,292 more", "tensorflow_of_tomorrow missing",
                 "pip install 'inception-jax[prepare]'", "--manual_dir=FOLDER"):  # fmt: skip
        assert text in message
    assert not (tmp_path / "out").exists()


def test_no_folder(tmp_path):
    """A missing folder is a mistake of the command line; the message lists its files."""
    with pytest.raises(ConfigError, match=f"(?s)is not a folder.*{TRAIN}"):
        archives.preflight(tmp_path / "nowhere", tmp_path, False)


def test_only_tensorflow_is_missing(tmp_path, monkeypatch, official):
    """Exit code 78 with the pip line; the message names no file."""
    official(write(tmp_path))
    monkeypatch.setattr(archives, "BUILD_MODULES", ("tensorflow_of_tomorrow",))
    with pytest.raises(ConfigError, match="pip install 'inception-jax\\[prepare\\]'") as caught:
        archives.preflight(tmp_path, tmp_path, False)
    assert caught.value.code == 78 and TRAIN not in str(caught.value)


def test_only_room_is_missing(tmp_path, monkeypatch, buildable, official):
    """Exit code 74 with the room needed, which follows the size of the files."""
    official(write(tmp_path))
    sizes = sum(path.stat().st_size for path in tmp_path.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=sizes))
    with pytest.raises(DiskFullError, match=rf"needs {int(sizes * 1.01):,} bytes"):
        archives.preflight(tmp_path, tmp_path, False)


def test_leftovers_of_an_interrupted_run_count_as_free(tmp_path, monkeypatch, buildable, official):
    """They are removed before the next build starts."""
    official(write(tmp_path))
    sizes = sum(path.stat().st_size for path in tmp_path.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=sizes))
    left = tmp_path / "out/.preparing/imagenet2012/incomplete.ABCDEF_5.1.0"
    left.mkdir(parents=True)
    (left / "bucket_000.tmp").write_bytes(b"x" * (sizes // 50))
    archives.preflight(tmp_path, tmp_path / "out", False)


def test_another_size(tmp_path, buildable, capsys):
    """Refused with both sizes; with --any_size a warning, and the images are counted."""
    write(tmp_path)
    with pytest.raises(DataError) as caught:
        archives.preflight(tmp_path, tmp_path, False)
    size = f"expected 147,897,477,120 bytes, found {(tmp_path / TRAIN).stat().st_size:,}"
    assert f"{size}; download it again" in str(caught.value)
    assert archives.preflight(tmp_path, tmp_path, True) == {"train": 5, "validation": 2}
    err = capsys.readouterr().err
    assert err.count("warning: ") == 2 and f"{size}; continuing" in err


def test_files_of_the_official_size_are_not_read(tmp_path, buildable, official):
    """Their counts are constants."""
    (tmp_path / TRAIN).write_bytes(b"not read")
    (tmp_path / VAL).write_bytes(b"either")
    official(tmp_path)
    assert archives.preflight(tmp_path, tmp_path, False) == {"train": 1_281_167,
                                                             "validation": 50_000}  # fmt: skip


@pytest.mark.parametrize(
    ("train", "val", "says"),
    [
        (b"no tar", None, "not a complete tar file"),
        (None, b"", "not a complete tar file"),
        (tar({"n1.tar": b""}), None, "expected n01440764.tar and so on, found n1.tar"),
        (tar({"n01440764/n01440764_1.JPEG": b"x"}), None, "expected n01440764.tar and so on"),
        (tar({"n01440764.tar": b"torn"}), None, "not a complete tar file"),
        (None, tar({"n01440764/a.JPEG": b""}), "val_00000001.JPEG and so on, found n01440764/a"),
        (None, tar({"ILSVRC2012_val_00000002.JPEG": b""}), "found ILSVRC2012_val_00000002"),
        (None, tar({}), "and so on, found nothing"),
    ],
)
def test_another_layout(tmp_path, buildable, train, val, says):
    """Refused: TFDS would fail after hours, or give validation images wrong labels."""
    write(tmp_path, train, val)
    with pytest.raises(DataError, match=says):
        archives.preflight(tmp_path, tmp_path, True)


def test_md5(tmp_path, official):
    """A flipped bit is detected and its file named."""
    official(write(tmp_path))
    archives.check_md5(tmp_path)
    data = bytearray((tmp_path / VAL).read_bytes())
    data[600] ^= 1
    (tmp_path / VAL).write_bytes(data)
    with pytest.raises(DataError, match=f"{VAL}: expected md5 .*, found .*; download it again"):
        archives.check_md5(tmp_path)
