"""Writes outputs of TF-slim's networks; runs in the environment of TensorFlow 2.12 and tf-slim.

    python tests/peers/write_slim.py DIR

For v1, v2 (BN-Inception) and v3, with random weights and averages: a checkpoint NAME.ckpt as
`tf.compat.v1.train.Saver` writes it, and NAME.npz with photographs, logits, auxiliary logits and
end-points. That package lacks v4 and Inception-ResNet-v2.
"""  # fmt: skip

import sys
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf
from tf_slim.nets import inception_v1, inception_v2, inception_v3
from tf_slim.ops.arg_scope import arg_scope

sys.path.insert(0, str(Path(__file__).parent))
from photos import photos

tf.disable_v2_behavior()

# Name -> network, its arg scope, size of its input, our end-points as its.
PEERS = {
    "slim-inception_v1": (
        inception_v1.inception_v1, inception_v1.inception_v1_arg_scope, 224,
        {"inception_3b": "Mixed_3c", "inception_4e": "Mixed_4f", "inception_5b": "Mixed_5c"},
    ),
    "slim-inception_v2": (
        inception_v2.inception_v2, inception_v2.inception_v2_arg_scope, 224,
        {"conv1": "Conv2d_1a_7x7", "inception_3c": "Mixed_4a", "inception_5b": "Mixed_5c"},
    ),
    "slim-inception_v3": (
        inception_v3.inception_v3, inception_v3.inception_v3_arg_scope, 299,
        {"mixed_5d": "Mixed_5d", "mixed_6e": "Mixed_6e", "mixed_7c": "Mixed_7c"},
    ),
}  # fmt: skip


def values(name: str, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moves betas and moving averages away from their initial values, so that all matter."""
    if name.endswith(("beta", "moving_mean", "biases")):
        return rng.normal(0, 0.1, value.shape)
    if name.endswith("moving_variance"):
        return rng.uniform(0.5, 1.5, value.shape)
    return value


def main(folder: Path) -> None:
    """Writes every file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (network, scope, size, ends) in PEERS.items():
        tf.reset_default_graph()
        tf.set_random_seed(0)
        images = photos(size)
        x = tf.placeholder(tf.float32, images.shape)
        with arg_scope(scope()):
            logits, points = network(x, num_classes=1001, is_training=False)
        wanted = {"logits": logits, **{f"end/{k}": points[v] for k, v in ends.items()}}
        if "AuxLogits" in points:
            wanted["aux/mixed_6e"] = points["AuxLogits"]
        rng = np.random.default_rng(0)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for variable in tf.global_variables():
                new = values(variable.op.name, session.run(variable), rng)
                variable.load(new.astype(np.float32), session)
            out = session.run(wanted, {x: images})
            tf.train.Saver().save(session, str(folder / f"{name}.ckpt"), write_meta_graph=False)
        np.savez(folder / f"{name}.npz", images=images, **out)
        print(folder / name, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
