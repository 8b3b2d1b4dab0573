"""A train or eval step of keras.applications on one random batch.

Keras's backend is `$KERAS_BACKEND`, else TensorFlow where that is installed, else JAX.
"""

import importlib.util
import json
import os

from timed import asked, rate


def main() -> None:
    """Measures and prints."""
    given = asked(__doc__, "InceptionV3")
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

    def step() -> None:
        if given.mode == "train":
            model.train_on_batch(images, labels)
        else:
            model.predict_on_batch(images)

    heads = ", without the auxiliary head" if given.mode == "train" else ""
    found = {"images_per_s": rate(step, given)}
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
