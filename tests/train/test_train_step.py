"""Tests `inception_jax/train/train_step.py`: the pure step, without mesh, jit or signals."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inception_jax.runtime import mesh as meshes
from inception_jax.train import train_step as steps
from inception_jax.train.losses import objective
from inception_jax.train.state import TrainState
from tests.tiny import Tiny, batch
from tests.train.steps import fresh

OBJECTIVE = partial(objective, smoothing=0.1, aux_weight=0.3, weight_of_l2=1e-4)
MODEL, RATE = Tiny(dropout=0.4), 0.1
TX = optax.sgd(RATE)


def floats():
    """A batch of 8 as the network takes it."""
    rows = batch(8)
    image = jnp.asarray(rows["image"].astype(np.float32) / 127.5 - 1)
    return {"image": image, "label": jnp.asarray(rows["label"])}


@pytest.fixture(scope="module")
def initial():
    """The tiny network at step 4, whose averages differ from its weights."""
    state = fresh(meshes.make(1), tx=TX)
    return state.replace(step=jnp.int32(4), ema=jax.tree.map(lambda x: x + 1, state.ema))


def test_a_step_is_gradient_update_and_averages(initial):
    """The step equals jax.grad of the objective, w - rate * g, and the averages' formula."""
    rows = floats()

    @jax.jit
    def expected(params):
        def loss(params):
            output, new = MODEL.clone(bn_decay=0.0).apply(
                {"params": params, "batch_stats": initial.batch_stats},
                rows["image"],
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": jax.random.fold_in(jax.random.key(8), 4)},
            )
            total, terms = OBJECTIVE(output, rows["label"], params)
            terms["top1"] = (output.logits.argmax(-1) == rows["label"]).mean()
            return total, (new["batch_stats"], terms)

        return jax.grad(loss, has_aux=True)(params)

    grads, (stats, terms) = expected(initial.params)
    step = partial(steps.train_step, model=MODEL, tx=TX, objective=OBJECTIVE)
    new, metrics = jax.jit(partial(step, ema_decay=0.9, seed=7))(initial, rows)
    near = partial(jax.tree.map, partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5))
    assert int(new.step) == 5
    params = jax.tree.map(lambda w, g: w - RATE * g, initial.params, grads)
    near(new.params, params)
    share = 9 / 13  # of the fifth step
    stats = jax.tree.map(lambda a, x: a + share * (x - a), initial.batch_stats, stats)
    near(new.batch_stats, stats)
    near(metrics.pop("gradient"), grads)
    decay = min(0.9, 5 / 14)
    averages = {"params": params, "batch_stats": stats}
    near(new.ema, jax.tree.map(lambda a, x: decay * a + (1 - decay) * x, initial.ema, averages))
    assert terms.pop("top5") == metrics.pop("top5") >= metrics["top1"]
    assert 0 < terms.pop("nll") != terms["cross_entropy"]  # OBJECTIVE smooths labels
    metrics.pop("nll")
    near(metrics, terms)
    assert {"loss", "cross_entropy", "loss_aux_conv2"} < set(metrics)


def test_dropout_is_a_function_of_seed_and_step():
    """The gradient's key depends on the seed and on the step, and on nothing else."""

    def gradient(model, objective, state, batch, key):
        return state.params, ({}, {"key": jax.random.key_data(key).tolist()})

    def key(seed, step):
        options = dict(model=MODEL, tx=TX, objective=OBJECTIVE, gradient=gradient, seed=seed)
        params = {"w": jnp.ones(2)}
        current = TrainState(jnp.int32(step), params, {}, TX.init(params), {})
        return tuple(steps.train_step(current, {"label": jnp.zeros(2)}, **options)[1]["key"])

    assert key(0, 4) == key(0, 4)
    assert len({key(0, 4), key(0, 5), key(1, 4), key(1, 5)}) == 4


def run_statistics(decay, measured, start=0.0, step=0, inherited=()):
    """The averages of one channel after train steps on batches with the statistics `measured`."""
    model = MODEL.clone(bn_decay=decay)
    state = TrainState(jnp.int32(step), {}, {"bn": {"mean": jnp.full(1, start)}}, (), {})

    @jax.jit
    def scan(state, measured):
        def body(state, x):
            new = {"bn": {"mean": x[None]}}
            stats = steps.average_statistics(state, new, model, inherited)
            return state.replace(step=state.step + 1, batch_stats=stats), None

        return jax.lax.scan(body, state, measured)[0]

    return float(scan(state, jnp.asarray(measured, jnp.float32)).batch_stats["bn"]["mean"][0])


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.99, 0.996, 0.9997])
@pytest.mark.parametrize("count", [1, 10, 100])
def test_batch_norms_averages_are_of_the_steps_seen(decay, count):
    """Nothing is left of the initial value in few steps; the newest weighs 9 / (8 + n)."""
    measured = np.random.default_rng(0).normal(3, 1, count)
    keep = np.minimum(decay, np.arange(count) / (9 + np.arange(count)))
    weights = (1 - keep) * [np.prod(keep[i + 1 :]) for i in range(count)]
    assert weights.sum() == pytest.approx(1)
    want = np.average(measured, weights=weights)
    for start in (0.0, 1e3):
        np.testing.assert_allclose(run_statistics(decay, measured, start), want, rtol=1e-4)


def test_batch_norms_averages_of_a_long_run_are_the_plain_ones():
    """After many steps, and for averages that came with the weights, the rate is 1 - decay."""
    plain = 5 + 0.01 * (2 - 5)
    assert run_statistics(0.99, [2.0], start=5.0, step=10**6) == pytest.approx(plain, rel=1e-6)
    own = ["['batch_stats']['bn']['mean']"]
    assert run_statistics(0.99, [2.0], start=5.0, inherited=own) == pytest.approx(plain, rel=1e-6)
    assert run_statistics(1.0, [2.0], start=5.0) == 5.0


@pytest.mark.parametrize(("step", "keep"), [(0, 0.1), (89, 0.9 * 100 / 99), (10_000, 0.95)])
def test_the_decay_of_averages_ramps(step, keep):
    """min(0.95, (1 + t) / (10 + t)); without averages nothing is averaged."""
    state = TrainState(jnp.int32(step), {}, {}, (), {"params": {"w": jnp.ones(3)}})
    new = steps.average(state, {"params": {"w": jnp.zeros(3)}}, 0.95)["params"]["w"]
    np.testing.assert_allclose(new, keep, rtol=1e-5)
    assert steps.average(state.replace(ema={}), {"w": jnp.zeros(3)}, 0.95) == {}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_finite_checks_every_float(bad):
    """One value that is not finite, anywhere in the tree, is found; integers are skipped."""
    tree = {"a": np.zeros((3, 4), np.float32), "step": np.int32(3), "b": np.ones(5, np.float32)}
    assert steps.finite(tree)
    tree["b"][4] = bad
    assert not steps.finite(tree)
