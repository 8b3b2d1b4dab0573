"""Tests gradual unfreezing: what has not joined does not move, and then starts afresh."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inception_jax import config as cfg
from inception_jax.errors import ConfigError
from inception_jax.train import optim
from inception_jax.train.optim import unfreezing

LAYERS = ("stem", "mixed", "logits")  # join at steps 8, 4 and 0
STEPS = 12
KINDS = {
    "sgd": {"momentum": 0.9},
    "rmsprop": {"decay": 0.9, "momentum": 0.9, "eps": 1e-3},
    "adamw": {"eps": 1e-8},
    "muon": {"momentum": 0.9},
}


def trained(name, *, joins=0, layers=LAYERS, clip=0.0, head=0, frozen=(), **values):
    """Parameters after each step from `joins` on of the layers, whose gradients are constant.

    The first `head` steps are those of the optimiser that `head` builds.
    """
    rng = np.random.default_rng(0)
    random = {k: {"kernel": jnp.asarray(rng.normal(size=(1, 1, 4, 4)))} for k in LAYERS}
    params = {k: random[k] for k in layers}
    schedule = cfg.rate("exponential", lr=0.1, decay_rate=0.5)
    section = cfg.optimizer(
        name, schedule=schedule, weight_decay=0.1, clip=clip, **KINDS[name], **values
    )
    rate_from = optim.schedule(cfg.ConfigDict(section), epochs=3.0, steps_per_epoch=4.0)
    given = {"epochs": 3.0, "steps_per_epoch": 4.0, "backbone": ("stem", "pool", "mixed")}
    tx, _ = optim.build(cfg.ConfigDict(section), frozen=frozen, **given)
    first, _ = optim.build(cfg.ConfigDict(section), frozen=frozen, head=True, **given)
    if joins:  # the reference: an optimiser that starts at the step, at the rate of the run
        section |= {"lr": float(rate_from(joins))}
        tx, _ = optim.build(cfg.ConfigDict(section), epochs=3.0, steps_per_epoch=4.0)
    with jax.numpy_dtype_promotion("standard"):
        state, update, before = tx.init(params), jax.jit(tx.update), jax.jit(first.update)
        history = [params]
        for step in range(joins, STEPS):
            updates, state = (before if step < head else update)(params, state, params)
            params = optax.apply_updates(params, updates)
            history.append(params)
    return history


@pytest.mark.parametrize(
    "name", ["sgd", "rmsprop", "adamw", pytest.param("muon", marks=pytest.mark.slow)]
)
def test_a_row_starts_when_it_joins(name, float64):
    """Before, nothing of it moves, decay included; then it is a run of its own from that step."""
    history = trained(name, unfreeze_epochs=1.0)
    for layer, joins in (("logits", 0), ("mixed", 4), ("stem", 8)):
        got = [np.asarray(params[layer]["kernel"]) for params in history]
        for before in got[:joins]:
            np.testing.assert_array_equal(before, got[0])
        alone = [p[layer]["kernel"] for p in trained(name, joins=joins, layers=(layer,))]
        np.testing.assert_allclose(got[joins:], alone, rtol=1e-5)
        assert not np.allclose(got[joins], got[joins + 1])


def test_clipping_counts_what_learns():
    """In the first step the classifier alone has the whole norm."""
    first, second = trained("sgd", unfreeze_epochs=1.0, clip=1.0)[:2]
    w = first["logits"]["kernel"]
    moved = w - second["logits"]["kernel"] - 0.1 * 0.1 * w
    np.testing.assert_allclose(jnp.linalg.norm(moved.reshape(-1)), 0.1, rtol=1e-5)


def test_the_optimiser_of_the_head_is_that_of_steps_in_which_no_row_has_joined():
    """The same parameters to the bit, and rows that join as they do without it."""
    plain, quick = (trained("sgd", head_epochs=1.5, head=head) for head in (0, 6))
    jax.tree.map(np.testing.assert_array_equal, plain, quick)
    assert (plain[6]["mixed"]["kernel"] == plain[0]["mixed"]["kernel"]).all()
    assert (plain[7]["stem"]["kernel"] != plain[6]["stem"]["kernel"]).any()


def test_frozen_rows_have_no_state_and_do_not_move():
    """Nor do they count in the clipped norm: the others are as if they were not there."""
    history = trained("sgd", clip=1.0, frozen=("stem",))
    alone = trained("sgd", clip=1.0, layers=("mixed", "logits"))
    for params, without in zip(history, alone, strict=True):
        assert (params["stem"]["kernel"] == history[0]["stem"]["kernel"]).all()
        np.testing.assert_allclose(params["mixed"]["kernel"], without["mixed"]["kernel"], rtol=1e-6)
    section = cfg.optimizer("sgd", schedule=cfg.rate("cosine", lr=0.1), momentum=0.9)
    tx, _ = optim.build(
        cfg.ConfigDict(section), epochs=1.0, steps_per_epoch=4.0, backbone=LAYERS, frozen=("stem",)
    )
    params = {"stem": {"kernel": jnp.ones(3)}, "logits": {"kernel": jnp.ones(2)}}
    assert {x.shape for x in jax.tree.leaves(tx.init(params))} == {(), (2,)}


def test_off_leaves_no_state():
    """Without it, and without the other new keys, SGD's state is as before: a trace and a count."""
    section = cfg.optimizer("sgd", schedule=cfg.rate("cosine", lr=0.1), momentum=0.9)
    tx, _ = optim.build(cfg.ConfigDict(section), epochs=1.0, steps_per_epoch=4.0, backbone=LAYERS)
    params = {"stem": {"kernel": jnp.ones(2)}}
    want = optax.sgd(lambda n: 0.1, momentum=0.9).init(params)
    assert jax.tree.structure(tx.init(params)) == jax.tree.structure(want)


def section(unfreeze, head=0.0):
    """The keys of an `optim` section that unfreeze rows."""
    return cfg.ConfigDict({"unfreeze_epochs": unfreeze, "head_epochs": head})


def test_a_row_that_never_learns_is_refused():
    """The largest value that fits is in the message, and fits."""
    params = {"stem": {}, "mixed": {}, "logits": {}}
    given = {"rows": ("stem", "pool", "mixed"), "params": params, "per_epoch": 4.3, "steps": 12}
    with pytest.raises(ConfigError, match=r"unfreeze_epochs=2: expected at most 1\.279, .* 2 rows"):
        unfreezing.check(section(2.0), **given)
    unfreezing.check(section(1.279), **given)
    with pytest.raises(ConfigError):
        unfreezing.check(section(1.2792), **given)
    unfreezing.check(section(0.0), **given)


def test_head_epochs_that_last_are_refused():
    """The rows must learn in a step; alone and with `unfreeze_epochs`, of which the most fits."""
    params = {"stem": {}, "mixed": {}, "logits": {}}
    given = {"rows": ("stem", "pool", "mixed"), "params": params, "per_epoch": 4.0, "steps": 12}
    unfreezing.check(section(0.0, head=2.75), **given)
    with pytest.raises(ConfigError, match="head_epochs=3: expected fewer than"):
        unfreezing.check(section(0.0, head=3.0), **given)
    with pytest.raises(ConfigError, match=r"unfreeze_epochs=1: expected at most 0\.75"):
        unfreezing.check(section(1.0, head=2.0), **given)
    unfreezing.check(section(0.75, head=2.0), **given)
