"""Tests `formats`: weight files of each framework; no pickle is executed. torch: tests/peers."""

import json
import pickle
import zipfile

import h5py
import numpy as np
import pytest

from inception_jax import weights
from inception_jax.errors import ConfigError, DataError

ONES = np.ones((3, 3, 3, 8), np.float32)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.safetensors", b"not a safetensors file", "cannot be read as a safetensors file"),
        ("a.h5", b"not an hdf5 file", "cannot be read as a keras file"),
        ("a.doc", b"", "expected a file named"),
    ],
)
def test_unreadable_files(tmp_path, name, content, message):
    """A damaged or foreign file is refused with the formats that are read."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises((ConfigError, DataError), match=message):
        weights.read(tmp_path / name)


def test_a_missing_file(tmp_path):
    """The path is in the message."""
    with pytest.raises(ConfigError, match=r"expected a weight file at .*a\.npz, found none"):
        weights.read(tmp_path / "a.npz")


def test_a_pickle_is_never_executed(tmp_path):
    """An array file that is a pickle is refused; its code does not run."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    (tmp_path / "a.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError):
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


def keras_group(h5, key, *values, name=""):
    """A layer's group as Keras 3 writes it."""
    group = h5.create_group(f"layers/{key}")
    if name:
        group.attrs["name"] = name
    for i, value in enumerate(values):
        group.create_dataset(f"vars/{i}", data=value)


def test_a_keras_archive(tmp_path):
    """Weights are numbered in the file and named by class; automatic layer names start at 0."""
    layers = [("Conv2D", "conv2d_94"), ("BatchNormalization", "batch_normalization_94"),
              ("Dense", "predictions")]  # fmt: skip
    with h5py.File(tmp_path / "inner.h5", "w") as h5:
        keras_group(h5, "conv2d", ONES)
        keras_group(h5, "batch_normalization", *(np.full(8, i, np.float32) for i in range(3)))
        keras_group(h5, "dense", np.ones((8, 2)), np.ones(2))
    config = {"config": {"layers": [{"class_name": c, "config": {"name": n}} for c, n in layers]}}
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.write(tmp_path / "inner.h5", "model.weights.h5")
    arrays = weights.read(tmp_path / "a.keras")
    assert sorted(arrays) == [
        "batch_normalization_0/beta", "batch_normalization_0/moving_mean",
        "batch_normalization_0/moving_variance", "conv2d_0/kernel", "predictions/bias",
        "predictions/kernel",
    ]  # fmt: skip
    assert arrays["batch_normalization_0/moving_variance"][0] == 2  # without gamma


def test_an_old_keras_file(tmp_path):
    """In the layout of Keras 2 every weight has a name."""
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        group = h5.create_group("model_weights")
        group.attrs["layer_names"] = [b"conv2d_5", b"conv2d_12"]
        for layer, value in (("conv2d_5", 1.0), ("conv2d_12", 2.0)):
            name = f"{layer}/kernel:0"
            group.create_group(layer).attrs["weight_names"] = [name.encode()]
            group[layer].create_dataset(name, data=np.full(3, value))
    arrays = weights.read(tmp_path / "a.h5")
    assert {name: value[0] for name, value in arrays.items()} == {
        "conv2d_0/kernel": 1.0, "conv2d_1/kernel": 2.0,
    }  # fmt: skip
