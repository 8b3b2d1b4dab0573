"""Tests the dynamic loss scale: flax's sequence, skipped steps, and what stays a divergence."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.training.dynamic_scale import DynamicScale

from inception_jax.runtime import mesh as meshes
from inception_jax.train import optim, run
from inception_jax.train.optim import loss_scale
from inception_jax.workdir import jsonl
from tests.tiny import Tiny, digits
from tests.train.steps import close, fresh, put, setup


def test_the_scale_is_that_of_flax(monkeypatch):
    """Over 200 steps, a tenth with overflow: scale, count, and weights that do not move then."""
    monkeypatch.setattr(loss_scale, "GROWTH_INTERVAL", 3)
    theirs = DynamicScale(growth_interval=3, scale=jnp.float32(1024.0))
    tx = loss_scale.skip_overflows(optax.sgd(0.1, momentum=0.9), 1024.0)
    params = {"w": jnp.ones(3)}
    state, rng = tx.init(params), np.random.default_rng(0)
    of_theirs = jax.jit(
        lambda scale, x: scale.value_and_grad(lambda w: jnp.sum(w * x))(jnp.ones(3))
    )
    update = jax.jit(tx.update)
    for _ in range(200):
        factor = jnp.asarray(rng.choice([1.0, jnp.inf, jnp.nan], p=[0.9, 0.05, 0.05]))
        theirs, good, _, grads = of_theirs(theirs, factor)
        before = state
        updates, state = update({"w": grads}, state, params)
        assert (state.scale, state.finite_steps) == (theirs.scale, theirs.fin_steps)
        assert bool(good) == bool((updates["w"] != 0).all())
        if not good:
            np.testing.assert_array_equal(updates["w"], 0)
            jax.tree.map(np.testing.assert_array_equal, state.inner, before.inner)


def scaled_setup(initial, **options):
    """A state and a step with a loss scale, on one device or more."""
    tx = loss_scale.skip_overflows(optim.tf_rmsprop(0.1, decay=0.9, momentum=0.9, eps=1.0), initial)
    return setup(tx=tx, loss_scale=initial, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"devices": 4, "accumulate": 2, "reduce_dtype": "float64", "zero": True, "sam": 0.05}],
)
def test_the_scale_cancels(float64, options):
    """In float64 a scale of 4096 changes no weight by more than 1e-12."""
    ends = []
    for make in (partial(scaled_setup, 4096.0), setup):
        state, step, mesh = make(dtype="float64", bn_group=2, colour="none", **options)
        for i in range(2):
            state, metrics = step(state, put(mesh, 16, seed=i))
        assert ("loss_scale" in metrics) == ("skipped" in metrics) == (make is not setup)
        ends.append(state.params)
    close(*ends, 1e-12)


def test_an_overflow_is_skipped_and_no_divergence():
    """Its metrics are finite and count it; weights and momentum stay; the scale halves."""
    state, step, mesh = scaled_setup(2.0**40, dtype="float16", ema_decay=0.0)
    first = jax.tree.map(np.asarray, state)
    state, metrics = step(state, put(mesh))
    assert np.isfinite([float(x) for x in metrics.values()]).all()
    assert metrics["skipped"] == 1 and metrics["grad_norm"] == 0
    assert metrics["loss_scale"] == 2.0**40 and state.opt_state.scale == 2.0**39
    assert state.step == 1
    jax.tree.map(np.testing.assert_array_equal, state.params, first.params)
    jax.tree.map(np.testing.assert_array_equal, state.opt_state.inner, first.opt_state.inner)


def test_a_teacher_beside_the_scale():
    """In float16 the scaled objective takes the teacher's logits, as the plain one."""
    half = {"dtype": jnp.dtype("float16")}
    state, step, mesh = scaled_setup(1024.0, dtype="float16", teacher=Tiny(**half))
    variables = {k: dict(state.variables[k]) for k in ("params", "batch_stats")}
    _, metrics = step.trace(state, {**put(mesh), "teacher": variables}).out_info
    assert {"distillation", "loss_scale"} <= metrics.keys()


def test_what_no_scale_mends_is_a_divergence():
    """A loss that is not finite, of the forward pass, and an overflow at a scale of 1."""

    def overflowing(state, batch):
        return state, {"gradient": {"w": jnp.asarray([jnp.inf])}, "loss": batch["loss"]}

    for scale, skipped in ((2.0, True), (1.0, False)):
        tx = loss_scale.skip_overflows(optax.sgd(0.1), scale)
        state = fresh(meshes.make(1, 1), tx=tx)
        step = loss_scale.with_loss_scale(overflowing)
        _, metrics = step(state, {"loss": jnp.nan})
        assert np.isnan(metrics["loss"])
        assert (
            bool(metrics["skipped"]) == skipped == bool(np.isfinite(metrics["gradient"]["w"]).all())
        )


@pytest.mark.slow
def test_a_run_in_float16(tmp_path, monkeypatch):
    """A scale too large is halved until the gradients are finite; the run goes on to its end."""
    monkeypatch.setattr(
        "inception_jax.train.program.build_model", lambda c, _: Tiny(dtype=jnp.float16)
    )
    config = digits(
        train__epochs=1.0, mesh__data=1, train__watchdog=0.0, log__every_steps=1,
        log__tensorboard=False, model__dtype="float16", optim__loss_scale=2.0**24,
        checkpoint__every_epochs=1.0, eval__every_epochs=1.0,
    )  # fmt: skip
    run.run(config, tmp_path / "run")
    rows = [x for x in jsonl.read(tmp_path / "run" / "metrics.jsonl") if x["split"] == "train"]
    skipped = [x["skipped"] for x in rows]
    assert skipped[0] == 1 and skipped[-1] == 0 and set(skipped) == {0, 1}
    assert [x["loss_scale"] for x in rows] == list(2.0**24 / 2.0 ** np.cumsum([0, *skipped[:-1]]))
    assert (tmp_path / "run" / "DONE").exists()
