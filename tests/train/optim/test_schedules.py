"""Tests learning rates by step: exact at edges of epochs, equal to optax and TensorFlow's code."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from inception_jax import config as cfg
from inception_jax.train import optim


def rates(name, steps, *, epochs, per_epoch, **values):
    """The rates of steps 0 to `steps` of a schedule, lr=1 unless given."""
    section = cfg.optimizer("sgd", schedule=cfg.rate(name, **{"lr": 1.0, **values}))
    rate = optim.schedule(cfg.ConfigDict(section), epochs=epochs, steps_per_epoch=per_epoch)
    return np.asarray(jax.jit(jax.vmap(rate))(jnp.arange(steps)))


@pytest.mark.parametrize("batch", [32, 256, 1600])
def test_staircase_at_epoch_edges(batch):
    """The rate at epochs 0, 2, 4 and 100 is base * 0.94 ** floor(e / 2) at any batch size."""
    section = cfg.ConfigDict(
        cfg.rmsprop(
            schedule=cfg.staircase(lr=0.045, decay_rate=0.94, every_epochs=2.0),
            decay=0.9,
            momentum=0.9,
            eps=1.0,
        )
    )
    per_epoch = 1_281_167 / batch
    rate = optim.schedule(section, epochs=102.0, steps_per_epoch=per_epoch)
    for epoch in (0, 1, 2, 3, 4, 99, 100):
        first = int(np.ceil(epoch * per_epoch))
        np.testing.assert_allclose(rate(first), 0.045 * 0.94 ** (epoch // 2), rtol=1e-5)
        if epoch % 2 == 0 and epoch:
            np.testing.assert_allclose(rate(first - 1), 0.045 * 0.94 ** (epoch // 2 - 1), rtol=1e-5)


@examples(max_examples=15)
@given(
    epochs=st.floats(2, 50), per_epoch=st.floats(5, 300), warmup=st.floats(0, 1.5),
    lr=st.floats(1e-4, 1),
)  # fmt: skip
def test_cosine_rises_then_falls(epochs, per_epoch, warmup, lr):
    """Warm-up rises to lr and no further; the cosine falls to zero; no rate is negative."""
    section = cfg.ConfigDict(
        cfg.sgd(schedule=cfg.cosine(lr=lr, warmup_epochs=warmup), momentum=0.9)
    )
    rate = optim.schedule(section, epochs=epochs, steps_per_epoch=per_epoch)
    total = int(np.ceil(epochs * per_epoch))
    values = np.asarray(rate(jnp.arange(20_000)))[:total]  # one shape: compiled once
    top = values.argmax()
    assert (np.diff(values[: top + 1]) >= -1e-7).all()
    assert (np.diff(values[top:]) <= 1e-7).all()
    assert values.max() <= lr * 1.0001
    assert values.min() >= 0
    assert float(rate(total)) < 1e-6


SHARE = (np.arange(100) - 10) / 90  # of the way from the end of a warm-up of 10 steps of 100
FORMULAS = {
    "cosine": lambda f: f + (1 - f) * (1 + np.cos(np.pi * SHARE)) / 2,
    "polynomial": lambda f: f + (1 - f) * (1 - SHARE) ** 1.5,
    "exponential": lambda f: np.maximum(0.5 ** (np.arange(100) / 20), f),
    "staircase": lambda f: np.maximum(0.5 ** (np.arange(100) // 20), f),
    "piecewise": lambda f: np.maximum(0.5 ** (np.repeat([0, 1, 2], [25, 35, 40])), f),
    "constant": lambda f: np.ones(100),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_formulas(name, floor):
    """Each schedule is its docstring's formula, after cold steps and a warm-up of two rates."""
    given = {"cold_epochs": 0.4, "warmup_epochs": 0.6, "warmup_start": 0.1, "warmup_end": 0.9}
    own = {"decay_rate": 0.5, "every_epochs": 2.0, "milestones": (2.5, 6.0), "power": 1.5}
    got = rates(name, 100, epochs=10.0, per_epoch=10.0, lr=2.0, floor=floor, **given, **own)
    want = FORMULAS[name](floor)
    want[:4] = 0.1
    want[4:10] = 0.1 + 0.8 * np.arange(1, 7) / 6
    np.testing.assert_allclose(got, 2 * want, rtol=2e-6, atol=1e-7)


def test_one_cycle():
    """Cosines from warmup_start up to lr and down to the floor, exact where they meet; optax's."""
    given = {"warmup_epochs": 3.0, "warmup_start": 0.04, "floor": 0.001}
    got = rates("onecycle", 101, epochs=10.0, per_epoch=10.0, **given)
    theirs = optax.cosine_onecycle_schedule(100, 1.0, 0.3, 25.0, 40.0)
    with jax.numpy_dtype_promotion("standard"):
        np.testing.assert_allclose(got, jax.jit(jax.vmap(theirs))(jnp.arange(101)), rtol=1e-4)
    np.testing.assert_allclose(got[[0, 30, 100]], [0.04, 1.0, 0.001], rtol=1e-6)
    cold = rates("onecycle", 111, epochs=11.0, per_epoch=10.0, cold_epochs=1.0, **given)
    np.testing.assert_array_equal(cold[:11], got[0])
    np.testing.assert_allclose(cold[10:], got, rtol=1e-6)


@pytest.mark.parametrize("batch", [96, 1024])
def test_milestones_at_epoch_edges(batch):
    """The rate falls at the first step at or after a milestone, at any batch size."""
    per_epoch = 1_281_167 / batch
    section = cfg.optimizer(
        "sgd", schedule=cfg.rate("piecewise", lr=1.0, decay_rate=0.1, milestones=(30.0, 60.0, 80.5))
    )
    rate = optim.schedule(cfg.ConfigDict(section), epochs=90.0, steps_per_epoch=per_epoch)
    for i, epoch in enumerate((30.0, 60.0, 80.5)):
        first = math.ceil(epoch * per_epoch)
        np.testing.assert_allclose([rate(first - 1), rate(first)], [0.1**i, 0.1 ** (i + 1)], 1e-5)


def test_a_decay_rate_of_one_is_a_constant():
    """Also of the exponential, which optax's would hold at the floor."""
    for name in ("exponential", "staircase"):
        np.testing.assert_array_equal(rates(name, 20, epochs=2.0, per_epoch=10.0), 1.0)


@pytest.mark.parametrize("name", ["cosine", "polynomial"])
def test_the_rounding_of_a_product_adds_no_step(name):
    """1.1 epochs of 100 steps are 110, not ceil(110.00000000000001), as an edge of a staircase."""
    got = rates(name, 111, epochs=9.0, per_epoch=100.0, warmup_epochs=1.1)
    np.testing.assert_allclose(got[108:], [109 / 110, 1.0, 1.0], rtol=1e-6)


def test_a_triangle():
    """A warm-up from a share of lr, and a line to a share of lr: what airbench's CIFAR-10 has."""
    got = rates(
        "polynomial", 200, epochs=10.0, per_epoch=20.0, power=1.0, warmup_epochs=2.0,
        warmup_start=0.2, floor=0.07,
    )  # fmt: skip
    want = np.interp(np.arange(200), [-1, 39, 40, 200], [0.2, 1.0, 1.0, 0.07])
    np.testing.assert_allclose(got, want, rtol=2e-6)


@pytest.mark.parametrize("name", ["cosine", "exponential", "onecycle"])
def test_a_rate_that_holds_for_an_epoch(name):
    """With lr_every="epoch" an epoch has one rate, that of a run of one step an epoch."""
    given = {"epochs": 9.0, "warmup_epochs": 2.0, "warmup_start": 0.5, "decay_rate": 0.9}
    of_epoch = rates(name, 9, per_epoch=1.0, **given)
    got = rates(name, 67, per_epoch=7.5, lr_every="epoch", **given)
    assert len(set(of_epoch)) > 7
    np.testing.assert_array_equal(got, of_epoch[(np.arange(67) / 7.5).astype(int)])


def tensorflow_tpu(step, per_epoch, batch, *, cold=2, warmup=7, decay=0.94, every=3):
    """The rate of models/experimental/inception/inception_v3.py with its warm-up, in NumPy."""
    initial = 0.165 * batch / 256
    adjusted = initial * decay ** ((warmup + cold) / every)
    epoch = step // per_epoch
    height = 0.9 * adjusted / (warmup + every - 1)
    rate = np.where(
        epoch >= warmup + cold + every,
        initial * decay ** (step // (every * per_epoch)),
        0.1 * adjusted + (epoch - (cold - 1)) * height,
    )
    return np.maximum(np.where(epoch < cold, 0.1 * adjusted, rate), 1e-4 * initial)


def test_the_rate_of_tensorflow_tpu():
    """Cold epochs, a warm-up by whole epochs, the staircase and its floor: theirs at every step."""
    peak = 0.94**3
    got = rates(
        "staircase", 5000, epochs=500.0, per_epoch=10.0, lr=0.165 * 4, decay_rate=0.94,
        every_epochs=3.0, lr_every="epoch", cold_epochs=2.0, warmup_epochs=10.0,
        warmup_start=0.1 * peak, warmup_end=peak * (0.1 + 0.9 * 10 / 9), floor=1e-4,
    )  # fmt: skip
    want = tensorflow_tpu(np.arange(5000), 10, 1024)
    np.testing.assert_allclose(got, want, rtol=2e-5)
    assert len(set(got[:120])) == 11 and got[-1] == np.float32(0.165 * 4 * 1e-4)
