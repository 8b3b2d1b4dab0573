"""Tests `formats`: weight files of each framework; no pickle is executed. torch: tests/peers."""

import zipfile

import h5py
import ml_dtypes
import numpy as np
import pytest

from inception_jax import weights
from inception_jax.errors import ConfigError, DataError

ONES = np.ones((3, 3, 3, 8), np.float32)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.safetensors",
            b"\x09" + bytes(7) + b"{not JSON",
            "cannot be read as a safetensors file",
        ),
        ("a.h5", b"\x89HDF\r\n\x1a\n torn", "cannot be read as a keras file"),
        (
            "a.doc",
            b"a letter",
            "expected weights .safetensors, .npz, torch.*starts with b'a letter'",
        ),
        ("a.pth", b"", "an empty file"),
        ("a.pth", b"<!doctype html>", "a web page"),
        ("a.bin", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        ("a.pth.tar", b"\x1f\x8b\x08", "gzip archive: unpack it"),
        ("a.pth", b"PK\x03\x04 torn", "incomplete copy or download"),
    ],
)
def test_unreadable_files(tmp_path, name, content, message):
    """A damaged or foreign file is refused with the formats that are read."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises((ConfigError, DataError), match=message):
        weights.read(tmp_path / name)


def test_an_archive_with_one_weight_file(tmp_path):
    """A wheel or a zip archive is read as the file in it; of several none is chosen."""
    np.savez(tmp_path / "a.npz", x=ONES)
    for name, files in (("one.whl", ["m/a.npz"]), ("two.zip", ["a.npz", "b.npz"])):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("m/README.md", "weights")
            for file in files:
                archive.write(tmp_path / "a.npz", file)
    np.testing.assert_array_equal(weights.read(tmp_path / "one.whl")["x"], ONES)
    with pytest.raises(DataError, match=r"archive of 2 weight files: \['a.npz', 'b.npz'\]"):
        weights.read(tmp_path / "two.zip")


def test_a_missing_file(tmp_path):
    """The path is in the message; a folder is not a file."""
    with pytest.raises(ConfigError, match=r"found a folder"):
        weights.read(tmp_path)
    with pytest.raises(ConfigError, match=r"expected a weight file at .*a\.npz, found none"):
        weights.read(tmp_path / "a.npz")


def test_a_pickle_is_never_executed(tmp_path):
    """An array file that is a pickle is refused; its code does not run."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    np.savez(tmp_path / "a.npz", x=np.array([Bomb()], object))
    with pytest.raises(DataError, match="cannot be read as a npz"):
        weights.read(tmp_path / "a.npz")
    assert not (tmp_path / "executed").exists()


def test_safetensors_are_read_by_name(tmp_path):
    """The mapping has the file's names; an unknown one is a KeyError."""
    from safetensors.numpy import save_file

    save_file({"b": ONES, "a": 2 * ONES}, tmp_path / "a.safetensors")
    arrays = weights.read(tmp_path / "a.safetensors")
    assert sorted(arrays) == ["a", "b"] and len(arrays) == 2
    assert np.array_equal(arrays["a"], 2 * ONES)
    with pytest.raises(KeyError):
        arrays["c"]


def test_kinds_are_read_from_the_content_and_bfloat16_from_each(tmp_path):
    """Whatever the ending; NumPy and HDF5 store bfloat16 as two bytes without a meaning."""
    from safetensors.numpy import save_file

    half = np.array([1.5, 2.0], ml_dtypes.bfloat16)
    save_file({"a/b": half}, tmp_path / "safetensors.bin")
    with (tmp_path / "npz.pth").open("wb") as file:
        np.savez(file, **{"a/b": half})
    with h5py.File(tmp_path / "keras.weights", "w") as h5:
        h5.create_dataset("layers/a/vars/0", data=half.view("V2"))
    for name in ("safetensors.bin", "npz.pth", "keras.weights"):
        (value,) = weights.read(tmp_path / name).values()
        assert np.asarray(value, np.float32).tolist() == [1.5, 2.0], name
