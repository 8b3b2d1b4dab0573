"""Tests that learning rates equal those of timm and torch, update by update."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import config as cfg
from inception_jax.train import optim

pytestmark = pytest.mark.peers
EPOCHS, STEPS = 12, 60  # of five steps


def ours(name, **values):
    """The rates of the steps of `EPOCHS` epochs; a rate that holds for an epoch, by epoch."""
    section = cfg.optimizer("sgd", schedule=cfg.rate(name, lr=0.3, **values))
    rate = optim.schedule(cfg.ConfigDict(section), epochs=EPOCHS, steps_per_epoch=5.0)
    return np.asarray(jax.jit(jax.vmap(rate))(jnp.arange(STEPS)))


def sgd():
    """torch's SGD over nothing that matters, at a rate of 0.3."""
    import torch

    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)


def stepped(scheduler, optimiser, count):
    """The rates of `count` updates of a torch scheduler."""
    rates = []
    for _ in range(count):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("name", ["cosine", "polynomial"])
@pytest.mark.parametrize("by_epoch", [False, True])
def test_timm(name, by_epoch):
    """timm's cosine and polynomial with warm-up, minimum and both units of time.

    Its warm-up counts updates done, ours the one being done: the k-th rate is its k + 1-th.
    """
    from timm.scheduler import CosineLRScheduler, PolyLRScheduler

    kind, more = {"cosine": (CosineLRScheduler, {}), "polynomial": (PolyLRScheduler, {"power": 2})}[
        name
    ]
    unit, warm = (1, 3) if by_epoch else (5, 15)
    theirs = kind(
        sgd(), t_initial=EPOCHS * unit - warm, lr_min=0.003, warmup_t=warm, warmup_lr_init=0.03,
        warmup_prefix=True, **more,
    )  # fmt: skip
    want = [theirs._get_lr(t + (t < warm))[0] for t in range(EPOCHS * unit)]
    want[warm - 1] = 0.3  # theirs there has ended its warm-up
    got = ours(
        name, warmup_epochs=3.0, warmup_start=0.1, floor=0.01, power=2.0,
        lr_every="epoch" if by_epoch else "step",
    )  # fmt: skip
    np.testing.assert_allclose(got, np.repeat(want, 5 // unit), rtol=2e-5)


def test_torch():
    """torch's ExponentialLR, MultiStepLR, StepLR, CosineAnnealingLR and PolynomialLR by epoch."""
    from torch.optim import lr_scheduler as torchs

    for name, values, make in (
        ("exponential", {"decay_rate": 0.9}, lambda o: torchs.ExponentialLR(o, 0.9)),
        ("staircase", {"decay_rate": 0.9, "every_epochs": 3.0}, lambda o: torchs.StepLR(o, 3, 0.9)),
        ("piecewise", {"decay_rate": 0.2, "milestones": (4.0, 9.0)},
         lambda o: torchs.MultiStepLR(o, [4, 9], 0.2)),
        ("cosine", {"floor": 0.1}, lambda o: torchs.CosineAnnealingLR(o, EPOCHS, 0.03)),
        ("polynomial", {"power": 0.9}, lambda o: torchs.PolynomialLR(o, EPOCHS, 0.9)),
    ):  # fmt: skip
        optimiser = sgd()
        want = stepped(make(optimiser), optimiser, EPOCHS)
        got = ours(name, lr_every="epoch", **values)
        np.testing.assert_allclose(got, np.repeat(want, 5), rtol=2e-5, err_msg=name)


def test_torch_one_cycle():
    """torch's OneCycleLR, which has its peak and its end one step earlier than optax and we."""
    from torch.optim.lr_scheduler import OneCycleLR

    optimiser = sgd()
    theirs = OneCycleLR(
        optimiser, 0.3, total_steps=STEPS + 1, pct_start=16 / (STEPS + 1), div_factor=25,
        final_div_factor=40, cycle_momentum=False,
    )  # fmt: skip
    want = stepped(theirs, optimiser, STEPS)
    got = ours("onecycle", warmup_epochs=3.0, warmup_start=1 / 25, floor=1 / 1000)
    np.testing.assert_allclose(got, want, rtol=1e-4)
