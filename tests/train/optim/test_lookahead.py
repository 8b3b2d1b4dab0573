"""Tests lookahead's arithmetic; tests/peers has timm's."""

import jax.numpy as jnp
import numpy as np
import optax

from inception_jax.train.optim.lookahead import lookahead


def test_slow_weights_follow():
    """w falls by 1 a step; every third step it goes back half of the way."""
    tx, params = lookahead(optax.sgd(1.0), steps=3, rate=0.5), {"w": jnp.zeros(())}
    state, seen = tx.init(params), []
    for _ in range(7):
        updates, state = tx.update({"w": jnp.ones(())}, state, params)
        params = optax.apply_updates(params, updates)
        seen.append((float(params["w"]), float(state.slow["w"])))
    assert seen == [(-1, 0), (-2, 0), (-1.5, -1.5), (-2.5, -1.5), (-3.5, -1.5), (-3, -3), (-4, -3)]
    np.testing.assert_array_equal(state.count, 7)
