"""Tests the rates of layers: by depth from the classifiers, rows without parameters passed over."""

import jax.numpy as jnp

from inception_jax.train.optim import rates

ROWS = ["conv1", "pool1", "conv2", "mixed"]
PARAMS = {"aux_mixed": 0, "conv1": 0, "conv2": 0, "logits": 0, "mixed": 0}


def test_depths():
    """Classifiers have depth 0, auxiliary ones too; a pool is no depth."""
    want = {"aux_mixed": 0, "logits": 0, "mixed": 1, "conv2": 2, "conv1": 3}
    assert rates.depths(ROWS, PARAMS) == want


def test_updates_are_scaled_by_depth():
    """Each row below the classifiers has half the update of the one above it."""
    updates = {k: {"kernel": jnp.ones(2)} for k in PARAMS}
    scaled, _ = rates.scale_by_depth(ROWS, 0.5).update(updates, None)
    got = {k: float(v["kernel"][0]) for k, v in scaled.items()}
    assert got == {"aux_mixed": 1, "logits": 1, "mixed": 0.5, "conv2": 0.25, "conv1": 0.125}
