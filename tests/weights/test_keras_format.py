"""Tests `keras_format`: the files of each version of Keras, with models nested in models."""

import json
import zipfile

import h5py
import numpy as np

from inception_jax import weights

ONES = np.ones((3, 3, 3, 8), np.float32)


def keras_group(h5, key, *values, name=""):
    """A layer's group as Keras 3 writes it; its name stands at `vars`."""
    group = h5.create_group(f"layers/{key}/vars")
    if name:
        group.attrs["name"] = name
    for i, value in enumerate(values):
        group.create_dataset(str(i), data=value)


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


def test_weights_alone(tmp_path):
    """`.weights.h5` has no config: names stand in the file, a second network's are renumbered."""
    with h5py.File(tmp_path / "a.weights.h5", "w") as h5:
        keras_group(h5, "conv2d", ONES, name="block1_conv1")
        keras_group(h5, "conv2d_1", 2 * ONES, name="conv2d_95")
        keras_group(h5, "conv2d_2", 3 * ONES, name="conv2d_100")
        keras_group(h5, "separable_conv2d", ONES, ONES, name="block2_sepconv1")
        h5.create_dataset("optimizer/vars/0", data=ONES)
    arrays = weights.read(tmp_path / "a.weights.h5")
    assert {name: value.max() for name, value in arrays.items()} == {
        "block1_conv1/kernel": 1, "conv2d_0/kernel": 2, "conv2d_1/kernel": 3,
        "block2_sepconv1/depthwise_kernel": 1, "block2_sepconv1/pointwise_kernel": 1,
    }  # fmt: skip


def test_nested_models(tmp_path):
    """A nested model's name is in front of its layers', which are numbered by themselves."""
    conv = {"class_name": "Conv2D", "config": {"name": "conv2d_7"}}
    nested = {"class_name": "Functional", "config": {"name": "xception", "layers": [conv]}}
    dense = {"class_name": "Dense", "config": {"name": "dense_3"}}
    outer = {"class_name": "Conv2D", "config": {"name": "conv2d_9"}}
    with h5py.File(tmp_path / "inner.h5", "w") as h5:
        keras_group(h5, "functional/layers/conv2d", ONES)
        keras_group(h5, "conv2d", 2 * ONES)
        keras_group(h5, "dense", np.ones((8, 2)), np.ones(2))
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": [outer, nested, dense]}}))
        archive.write(tmp_path / "inner.h5", "model.weights.h5")
    file = weights.read(tmp_path / "a.keras")
    assert sorted(file) == [
        "conv2d_0/kernel", "dense_3/bias", "dense_3/kernel", "xception/conv2d_0/kernel",
    ]  # fmt: skip
    assert file["conv2d_0/kernel"].max() == 2
    assert file.layers == [
        ("conv2d_0", "Conv2D"), ("xception/conv2d_0", "Conv2D"), ("dense_3", "Dense"),
    ]  # fmt: skip


def test_nested_models_in_an_old_file(tmp_path):
    """All weights of a nested model are in its group, a layer's may have the outer name first."""
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        group = h5.create_group("model_weights")
        names = {"xception": ["conv2d_4/kernel", "bn/beta"], "dense": ["sequential/dense/kernel"]}
        group.attrs["layer_names"] = list(names)
        for layer, below in names.items():
            group.create_group(layer).attrs["weight_names"] = below
            for name in below:
                group[layer].create_dataset(name, data=np.ones(3))
    arrays = weights.read(tmp_path / "a.h5")
    assert sorted(arrays) == ["dense/kernel", "xception/bn/beta", "xception/conv2d_0/kernel"]
