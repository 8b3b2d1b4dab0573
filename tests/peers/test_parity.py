"""Tests that the same weights give the same numbers as torchvision and Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import models

pytestmark = pytest.mark.peers

# Our branch -> torchvision's attribute, by kind of module.
GOOGLENET = {
    "branch_0_0": "branch1", "branch_1_0": "branch2.0", "branch_1_1": "branch2.1",
    "branch_2_0": "branch3.0", "branch_2_1": "branch3.1", "branch_3_1": "branch4.1",
}  # fmt: skip
V3 = {
    "a": ["branch1x1", "branch5x5_1", "branch5x5_2", "branch3x3dbl_1", "branch3x3dbl_2",
          "branch3x3dbl_3", "branch_pool"],
    "reduce_a": ["branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"],
    "b": ["branch1x1", "branch7x7_1", "branch7x7_2", "branch7x7_3", "branch7x7dbl_1",
          "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5", "branch_pool"],
    "reduce_b": ["branch3x3_1", "branch3x3_2", "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3",
                 "branch7x7x3_4"],
    "c": ["branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_1",
          "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool"],
}  # fmt: skip
V3_ROWS = {
    "mixed_5b": "a", "mixed_5c": "a", "mixed_5d": "a", "mixed_6a": "reduce_a", "mixed_6b": "b",
    "mixed_6c": "b", "mixed_6d": "b", "mixed_6e": "b", "mixed_7a": "reduce_b", "mixed_7b": "c",
    "mixed_7c": "c",
}  # fmt: skip
V3_STEM = {
    "conv_1a": "Conv2d_1a_3x3", "conv_2a": "Conv2d_2a_3x3", "conv_2b": "Conv2d_2b_3x3",
    "conv_3b": "Conv2d_3b_1x1", "conv_4a": "Conv2d_4a_3x3",
}  # fmt: skip


def units(tree, prefix=()):
    """Paths of every ConvBN below a tree of parameters, in the order of their names."""
    if "kernel" in tree:
        yield prefix
        return
    for key in sorted(k for k in tree if k != "bn"):
        yield from units(tree[key], (*prefix, key))


def leaf(tree, path):
    """The subtree at a path."""
    for key in path:
        tree = tree[key]
    return tree


class Loader:
    """Fills a network's variables from a peer's arrays; every array of ours must be filled."""

    def __init__(self, model, arrays):
        self.shapes = jax.eval_shape(lambda: models.init(model))
        self.arrays = arrays
        self.out = {"params": {}, "batch_stats": {}}

    def put(self, kind, path, value):
        """One array, whose shape must be ours."""
        assert value.shape == leaf(self.shapes[kind], path).shape, path
        tree = self.out[kind]
        for key in path[:-1]:
            tree = tree.setdefault(key, {})
        tree[path[-1]] = jnp.asarray(value)

    def torch_conv(self, path, name):
        """A torchvision BasicConv2d."""
        get = lambda k: self.arrays[f"weights/{name}.{k}"]  # noqa: E731
        self.put("params", (*path, "kernel"), get("conv.weight").transpose(2, 3, 1, 0))
        self.put("params", (*path, "bn", "scale"), get("bn.weight"))
        self.put("params", (*path, "bn", "bias"), get("bn.bias"))
        self.put("batch_stats", (*path, "bn", "mean"), get("bn.running_mean"))
        self.put("batch_stats", (*path, "bn", "var"), get("bn.running_var"))

    def torch_linear(self, path, name):
        """A torch Linear."""
        self.put("params", (*path, "kernel"), self.arrays[f"weights/{name}.weight"].T)
        self.put("params", (*path, "bias"), self.arrays[f"weights/{name}.bias"])

    def done(self):
        """The variables."""
        assert jax.tree.structure(self.out) == jax.tree.structure(self.shapes)
        return self.out


def load_googlenet(model, arrays):
    """torchvision's GoogLeNet in our names."""
    load = Loader(model, arrays)
    for ours, theirs in {"conv1": "conv1", "conv2_reduce": "conv2", "conv2": "conv3"}.items():
        load.torch_conv((ours,), theirs)
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        for ours, theirs in GOOGLENET.items():
            load.torch_conv((f"inception_{block}", ours), f"inception{block}.{theirs}")
    for head, theirs in (("aux_inception_4a", "aux1"), ("aux_inception_4d", "aux2")):
        load.torch_conv((head, "conv"), f"{theirs}.conv")
        load.torch_linear((head, "hidden"), f"{theirs}.fc1")
        load.torch_linear((head, "logits"), f"{theirs}.fc2")
    load.torch_linear(("logits",), "fc")
    return load.done()


def load_v3(model, arrays):
    """torchvision's Inception-v3 in our names."""
    load = Loader(model, arrays)
    for ours, theirs in V3_STEM.items():
        load.torch_conv((ours,), theirs)
    for row, kind in V3_ROWS.items():
        paths = list(units(load.shapes["params"][row], (row,)))
        for path, theirs in zip(paths, V3[kind], strict=True):
            load.torch_conv(path, f"M{row[1:]}.{theirs}")
    for unit in ("conv0", "conv1"):
        load.torch_conv(("aux_mixed_6e", unit), f"AuxLogits.{unit}")
    load.torch_linear(("aux_mixed_6e", "logits"), "AuxLogits.fc")
    load.torch_linear(("logits",), "fc")
    return load.done()


@pytest.fixture(params=["googlenet", "inception_v3"])
def torchvision(request, peer_files):
    """(our model, its variables, the peer's arrays)."""
    arrays = dict(np.load(peer_files / f"torchvision_{request.param}.npz"))
    model = models.create(request.param, dialect="torchvision", dropout=0.0)
    load = load_googlenet if request.param == "googlenet" else load_v3
    return model, load(model, arrays), arrays


def relative(got, want):
    """The largest difference, relative to the largest entry."""
    return float(np.abs(np.asarray(got) - want).max() / np.abs(want).max())


@pytest.mark.slow
def test_torchvision_eval(torchvision):
    """Logits at evaluation equal torchvision's on the same weights to 1e-4."""
    model, variables, arrays = torchvision
    out = jax.jit(lambda v, x: model.apply(v, x).logits)(variables, arrays["images"])
    assert relative(out, arrays["logits"]) < 1e-4


@pytest.mark.slow
def test_torchvision_train(torchvision, float64):
    """Logits, heads, gradient and BatchNorm's averages in train mode are torchvision's: 1e-6."""
    model, variables, arrays = torchvision
    import dataclasses

    switches = dataclasses.replace(model.switches, aux_dropout=0.0)

    class Same(type(model)):
        DIALECTS = {"torchvision": switches}  # noqa: RUF012

    same = Same(dialect="torchvision", dropout=0.0, dtype=jnp.dtype("float64"))
    variables = jax.tree.map(lambda x: np.asarray(x, np.float64), variables)
    images = np.asarray(arrays["images"], np.float64)

    def loss(params, images):
        out, new = same.apply(
            {**variables, "params": params}, images, train=True, mutable=["batch_stats"],
            rngs={"dropout": jax.random.key(0)},
        )  # fmt: skip
        total = jnp.square(out.logits).mean()
        total += sum(jnp.square(a).mean() for a in out.aux.values())
        return total, (out, new["batch_stats"])

    grads, (out, stats) = jax.jit(jax.grad(loss, has_aux=True))(variables["params"], images)
    assert relative(out.logits, arrays["train_logits"]) < 1e-8
    heads = [arrays[k] for k in ("train_aux1", "train_aux2") if k in arrays]
    for ours, theirs in zip(out.aux.values(), heads, strict=True):
        assert relative(ours, theirs) < 1e-8
    first = model.rows()[0].name
    got = np.asarray(grads[first]["kernel"]).transpose(3, 2, 0, 1)
    assert relative(got, arrays["gradient"]) < 1e-6
    assert relative(stats[first]["bn"]["mean"], arrays["new_mean"]) < 1e-8


@pytest.mark.slow
def test_keras_eval(peer_files):
    """Logits of the keras dialect equal Keras's InceptionV3 on the same weights to 1e-4."""
    arrays = dict(np.load(peer_files / "keras_inception_v3.npz"))
    model = models.create("inception_v3", dialect="keras")
    load = Loader(model, arrays)
    paths = [p for row in model.rows() if row.name in load.shapes["params"]
             for p in units(load.shapes["params"][row.name], (row.name,))]  # fmt: skip
    for i, path in enumerate(paths):
        load.put("params", (*path, "kernel"), arrays[f"weights/{i}/kernel"])
        load.put("params", (*path, "bn", "bias"), arrays[f"weights/{i}/bias"])
        load.put("batch_stats", (*path, "bn", "mean"), arrays[f"weights/{i}/mean"])
        load.put("batch_stats", (*path, "bn", "var"), arrays[f"weights/{i}/var"])
    load.put("params", ("logits", "kernel"), arrays["weights/kernel"])
    load.put("params", ("logits", "bias"), arrays["weights/bias"])
    out = jax.jit(lambda v, x: model.apply(v, x).logits)(load.done(), arrays["images"])
    assert relative(out, arrays["logits"]) < 1e-4
