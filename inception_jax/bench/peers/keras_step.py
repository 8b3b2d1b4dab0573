"""A train or eval step of keras.applications on one random batch.

Keras's backend is `$KERAS_BACKEND`, else TensorFlow where that is installed, else JAX.
"""

import argparse
import importlib.util
import json
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", default="InceptionV3")
parser.add_argument("--mode", choices=["train", "eval"], default="train")
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--size", type=int, default=299)
parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--steps", type=int, default=5)
WARM = 2


def main() -> None:
    """Measures and prints."""
    given = parser.parse_args()
    there = importlib.util.find_spec("tensorflow") is not None
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow" if there else "jax")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np

    if given.dtype == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = getattr(keras.applications, given.model)(
        weights=None, input_shape=(given.size, given.size, 3), classifier_activation=None
    )
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=backend == "jax",
    )
    rng = np.random.default_rng(0)
    images = rng.standard_normal((given.batch, given.size, given.size, 3), np.float32)
    labels = rng.integers(0, 1000, given.batch)
    times = []
    for _ in range(WARM + given.steps):
        began = time.perf_counter()
        if given.mode == "train":
            model.train_on_batch(images, labels)
        else:
            model.predict_on_batch(images)
        times.append(time.perf_counter() - began)
    heads = ", without the auxiliary head" if given.mode == "train" else ""
    found = {"images_per_s": given.batch / statistics.median(times[WARM:])}
    print(json.dumps(found | {"note": f"on {backend}{heads}", "device": device(backend)}))


def device(backend: str) -> str:
    """`cpu`, `gpu` or `tpu`."""
    if backend == "jax":
        import jax

        return jax.default_backend()
    import tensorflow as tf

    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


if __name__ == "__main__":
    main()
