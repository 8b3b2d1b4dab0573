"""Tests that the same weights give the same numbers as every peer: logits, heads, end-points."""

from functools import partial

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest

from inception_jax import weights
from inception_jax.models.googlenet import GoogLeNet
from inception_jax.models.lowering import forms
from inception_jax.weights import onnx_graph

pytestmark = [pytest.mark.peers, pytest.mark.slow]

FILES = (".pth", ".safetensors", ".keras", ".h5", ".ckpt")
WRITTEN = [
    "torchvision-googlenet", "torchvision-inception_v3", "timm-inception_v3", "timm-inception_v4",
    "timm-inception_resnet_v2", "timm-xception", "cadene-bninception",
    "facenet-pytorch-inception_resnet_v1", "pytorch-fid-inception_v3", "keras-inception_v3",
    "keras-inception_resnet_v2", "keras-xception", "slim-inception_v1", "slim-inception_v2",
    "slim-inception_v3",
]  # fmt: skip
STEPS = ["torchvision-googlenet", "torchvision-inception_v3", "timm-inception_resnet_v2"]


def peer_name(name):
    """`timm:inception_v4` of `timm-inception_v4`."""
    return next(p for p in weights.PEERS if p.replace(":", "-") == name)


def load(folder, name):
    """(our network, its variables, the peer) from the weight file that the peer wrote."""
    peer = weights.find(peer_name(name))
    file = next(f for e in FILES for f in [folder / f"{name}{e}"]
                if f.is_file() or f.with_name(f"{f.name}.index").is_file())  # fmt: skip
    arrays, _ = weights.fit(weights.read(file), peer)
    model = peer.create(arrays)
    variables, _ = weights.import_arrays(model, peer, arrays)
    variables = jax.tree.map(jax.numpy.asarray, variables)
    return model, variables, peer


def relative(got, want):
    """The largest difference, relative to the largest entry."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    return float(np.abs(got - want).max() / np.abs(want).max())


@pytest.mark.parametrize("name", WRITTEN)
def test_evaluation(name, peer_files):
    """Logits, auxiliary logits and end-points equal the peer's on photographs: 1e-4, float32."""
    model, variables, _ = load(peer_files, name)
    want = dict(np.load(peer_files / f"{name}.npz"))
    run = jax.jit(lambda v, x: model.apply(v, x, endpoints=True))
    out = run(variables, want["images"])
    found = {"logits": relative(out.logits, want["logits"])}
    for key in want:
        kind, _, row = key.partition("/")
        if kind == "end":
            found[key] = relative(out.endpoints[row], want[key])
        if kind == "aux":
            head = model.HEADS[row](model.conv(False), model.num_classes, False, model.small)
            below = {k: v[f"aux_{row}"] for k, v in variables.items() if f"aux_{row}" in v}
            found[key] = relative(head.apply(below, out.endpoints[row]), want[key])
    found["onnx"] = relative(in_onnxruntime(model, variables, want["images"]), want["logits"])
    assert all(v < 1e-4 for v in found.values()), found


def in_onnxruntime(model, variables, images):
    """The logits that onnxruntime gives for normalised images."""
    shape = jax.export.symbolic_shape("b, " + ", ".join(map(str, images.shape[1:])))
    with forms.without("platform"):
        graph = onnx_graph.build(
            lambda x: model.apply(variables, x).logits,
            jax.ShapeDtypeStruct(shape, images.dtype),
            "{}",
        )
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"images": images})[0]


@pytest.mark.parametrize("name", STEPS)
def test_a_training_step(name, peer_files, float64, monkeypatch):
    """In double precision: the loss to 1e-9, every gradient to 1e-6, every average to 1e-9."""
    heads = {k: partial(head, dropout=0.0) for k, head in GoogLeNet.HEADS.items()}
    monkeypatch.setattr(GoogLeNet, "HEADS", heads)
    model, variables, peer = load(peer_files, name)
    model = model.clone(dropout=0.0, dtype=jnp.dtype("float64"))
    variables = jax.tree.map(lambda x: jax.numpy.asarray(x, np.float64), variables)
    want = dict(np.load(peer_files / f"{name}.step.npz"))

    def loss(params):
        out, new = model.apply(
            {**variables, "params": params}, jnp.asarray(want["images"]), train=True,
            mutable=["batch_stats"], rngs={"dropout": jax.random.key(0)},
        )  # fmt: skip

        def entropy(logits):
            picked = jnp.take_along_axis(logits, want["labels"][:, None], 1)[:, 0]
            return (jax.nn.logsumexp(logits, axis=-1) - picked).mean()

        total = entropy(out.logits) + 0.3 * sum(entropy(a) for a in out.aux.values())
        return total, new["batch_stats"]

    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (value, stats), grads = step(variables["params"])
    assert abs(float(value) / float(want["loss"]) - 1) < 1e-9
    ours = weights.export_arrays(model, peer, {"params": grads, "batch_stats": stats})
    gradients = [k for k in want if k.startswith("grad/")]
    # A bias before a BatchNorm has gradient zero: both compute rounding errors.
    rounding = 1e-12 * max(np.abs(want[k]).max() for k in gradients)
    for key in gradients:
        off = np.abs(ours[key[5:]] - want[key]).max()
        assert off < max(1e-6 * np.abs(want[key]).max(), rounding), key
    for key in (k for k in want if k.startswith("stat/")):
        assert relative(ours[key[5:]], want[key]) < 1e-9, key


@pytest.mark.parametrize("name", [n for n in WRITTEN if not n.startswith(("keras", "slim"))])
def test_export_is_the_inverse_of_import(name, peer_files):
    """Exported weights have every name and every bit of the peer's file."""
    model, variables, peer = load(peer_files, name)
    exported = weights.export_arrays(model, peer, variables)
    file = next(f for e in FILES if (f := peer_files / f"{name}{e}").is_file())
    original = {k: v for k, v in weights.read(file).items() if "num_batches" not in k}
    assert set(exported) == set(original)
    assert all(np.array_equal(exported[k], original[k]) for k in original)
