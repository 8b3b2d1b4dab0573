"""Tests that optimisers equal timm's over 20 steps on kernels of the shapes of real layers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inception_jax import config as cfg
from inception_jax.train import optim

pytestmark = pytest.mark.peers
SHAPES = {
    "conv": {"kernel": (3, 3, 32, 48), "bn": {"scale": (48,), "bias": (48,)}},
    "depthwise": {"kernel": (3, 3, 1, 64)},
    "pointwise": {"kernel": (1, 1, 192, 16)},
    "logits": {"kernel": (256, 100), "bias": (100,)},
}
ROWS = ["conv", "depthwise", "pointwise"]
STEPS = 20
RATE = 0.05


def random(seed, size=0.1):
    """A tree of `SHAPES` with normal numbers, a third of its leaves ten times as large."""
    rng = np.random.default_rng(seed)
    leaf = lambda s: np.float32(rng.normal(size=s) * size * rng.choice([1, 1, 10]))  # noqa: E731
    return jax.tree.map(leaf, SHAPES, is_leaf=lambda s: isinstance(s, tuple))


def ours(name, seed=0, **values):
    """The parameters after `STEPS` steps of the optimiser that a config describes."""
    schedule = cfg.rate("constant", lr=RATE)
    section = cfg.ConfigDict(cfg.optimizer(name, schedule=schedule, **values))
    tx, _ = optim.build(section, epochs=10.0, steps_per_epoch=10.0, backbone=ROWS)
    params = jax.tree.map(jnp.asarray, random(seed))
    state, update = tx.init(params), jax.jit(tx.update)
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam raises a float to a count
        for step in range(STEPS):
            updates, state = update(random(step + 1), state, params)
            params = optax.apply_updates(params, updates)
    return params


def as_torch(x):
    """A kernel as torch has it: output channels first."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 0).swapaxes(1, -1) if x.ndim == 4 else x.T)


def theirs(make, seed=0, clip=0.0, **decay):
    """The parameters after `STEPS` steps of timm's optimiser; kernels have `decay`, others none."""
    import torch
    from timm.utils.agc import adaptive_clip_grad

    leaves, tree = jax.tree_util.tree_flatten_with_path(random(seed))
    kernels = [path[-1].key == "kernel" for path, _ in leaves]
    tensors = [torch.tensor(as_torch(x), requires_grad=True) for _, x in leaves]
    groups = [
        {"params": [t for t, k in zip(tensors, kernels, strict=True) if k], **decay},
        {"params": [t for t, k in zip(tensors, kernels, strict=True) if not k], "weight_decay": 0},
    ]
    optimiser = make(groups)
    for step in range(STEPS):
        for tensor, g in zip(tensors, jax.tree.leaves(random(step + 1)), strict=True):
            tensor.grad = torch.tensor(as_torch(g))
        if clip:
            below = [t for t, (path, _) in zip(tensors, leaves, strict=True) if path[0].key in ROWS]
            adaptive_clip_grad(below, clip)
        optimiser.step()
    found = [as_jax(t.detach().numpy()) for t in tensors]
    return jax.tree.unflatten(tree, found)


def as_jax(x):
    """The inverse of `as_torch`."""
    return np.moveaxis(x.swapaxes(1, -1), 0, -1) if x.ndim == 4 else x.T


def close(a, b, rtol=2e-5):
    """The trees agree to a share of each leaf's largest number, and the steps moved them."""
    start = random(0)
    for x, y, w in zip(*map(jax.tree.leaves, (a, b, start)), strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=rtol * np.abs(y).max())
        assert np.abs(y - w).max() > 100 * rtol * np.abs(y).max()


def test_the_layouts_are_inverse():
    """A kernel survives both conversions."""
    kernel = random(0)["conv"]["kernel"]
    assert as_torch(kernel).shape == (48, 32, 3, 3)
    np.testing.assert_array_equal(as_jax(as_torch(kernel)), kernel)


@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_lamb(decay):
    """LAMB with timm's clipping of the global norm; biases and BatchNorm are not adapted."""
    from timm.optim import Lamb

    got = ours("lamb", betas=(0.9, 0.99), eps=1e-6, weight_decay=decay, clip=1.0)
    make = lambda groups: Lamb(groups, lr=RATE, betas=(0.9, 0.99), eps=1e-6)  # noqa: E731
    close(got, theirs(make, weight_decay=decay, always_adapt=True))


@pytest.mark.parametrize("decay", [0.0, 0.02])
@pytest.mark.parametrize("nesterov", [False, True])
def test_lars(decay, nesterov):
    """LARS at a constant rate; biases and BatchNorm have SGD."""
    from timm.optim import Lars

    momentum = {"momentum": 0.9, "nesterov": nesterov}
    got = ours("lars", trust=0.02, eps=1e-8, weight_decay=decay, **momentum)
    make = lambda groups: Lars(groups, lr=RATE, trust_coeff=0.02, **momentum)  # noqa: E731
    close(got, theirs(make, weight_decay=decay, always_adapt=True))


def test_lion():
    """Lion, with decay of the kernels."""
    from timm.optim import Lion

    got = ours("lion", betas=(0.9, 0.99), weight_decay=0.1)
    make = lambda groups: Lion(groups, lr=RATE, betas=(0.9, 0.99))  # noqa: E731
    close(got, theirs(make, weight_decay=0.1))


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_decoupled_decay(nesterov):
    """timm's SGDW."""
    from timm.optim import SGDW

    momentum = {"momentum": 0.9, "nesterov": nesterov}
    got = ours("sgd", weight_decay=0.05, **momentum)
    close(got, theirs(lambda groups: SGDW(groups, lr=RATE, **momentum), weight_decay=0.05))


def test_rmsprop_with_decoupled_decay():
    """timm's RMSpropTF, which has TensorFlow's epsilon, start and momentum too."""
    from timm.optim import RMSpropTF

    got = ours("rmsprop", decay=0.9, momentum=0.9, eps=1e-3, weight_decay=0.05)
    make = lambda groups: RMSpropTF(  # noqa: E731
        groups, lr=RATE, alpha=0.9, eps=1e-3, momentum=0.9, decoupled_decay=True
    )
    close(got, theirs(make, weight_decay=0.05))


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_with_decoupled_decay(name):
    """torch's AdamW."""
    from torch.optim import AdamW

    got = ours(name, betas=(0.8, 0.95), eps=1e-8, weight_decay=0.05)
    make = lambda groups: AdamW(groups, lr=RATE, betas=(0.8, 0.95))  # noqa: E731
    close(got, theirs(make, weight_decay=0.05))


def test_adaptive_gradient_clipping():
    """timm's, of all but the classifier; some units are clipped and some are not."""
    from torch.optim import SGD

    make = lambda groups: SGD(groups, lr=RATE)  # noqa: E731
    got, want = ours("sgd", agc=0.5), theirs(make, clip=0.5, weight_decay=0)
    close(got, want)
    free = theirs(make, weight_decay=0)
    same = jax.tree.map(lambda x, y: bool(np.allclose(x, y)), want, free)
    assert same["logits"]["kernel"] and not same["conv"]["kernel"]


def test_lookahead():
    """timm's Lookahead over SGD with momentum, of six steps, from the first weights.

    By itself timm's begins at the weights of the sixth step; the paper's at those of the first.
    """
    import torch
    from timm.optim import Lookahead

    def make(groups):
        for tensor in (t for group in groups for t in group["params"]):
            tensor.grad = torch.zeros_like(tensor)  # without one it is passed over
        optimiser = Lookahead(torch.optim.SGD(groups, lr=RATE, momentum=0.9), 0.3, 6)
        optimiser.sync_lookahead()
        return optimiser

    got = ours("sgd", momentum=0.9, lookahead=6, lookahead_rate=0.3)
    close(got, theirs(make, weight_decay=0))


def test_layer_decay():
    """The rates of timm's `param_groups_layer_decay` for a network of these layers."""
    import torch
    from timm.optim import param_groups_layer_decay

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)
            self.depthwise = torch.nn.Conv2d(4, 4, 3)
            self.pointwise = torch.nn.Conv2d(4, 4, 1)
            self.logits = torch.nn.Linear(4, 2)

        def group_matcher(self, coarse):
            return {"stem": r"^conv", "blocks": [(r"^depthwise", (1,)), (r"^pointwise", (2,))]}

    model = Network()
    name = {id(p): n.split(".")[0] for n, p in model.named_parameters()}
    want = {
        name[id(p)]: group["lr_scale"]
        for group in param_groups_layer_decay(model, layer_decay=0.7)
        for p in group["params"]
    }
    slow, whole = (ours("sgd", layer_decay=x) for x in (0.7, 1.0))
    start = random(0)
    for layer, factor in want.items():
        moved = [np.asarray(x[layer]["kernel"]) - start[layer]["kernel"] for x in (slow, whole)]
        np.testing.assert_allclose(moved[0], factor * moved[1], atol=1e-5 * np.abs(moved[1]).max())
    assert sorted(want.values()) == pytest.approx([0.343, 0.49, 0.7, 1.0])
