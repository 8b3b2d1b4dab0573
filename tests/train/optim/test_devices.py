"""Tests that the whole optimiser does not depend on the number of devices."""

import jax
import pytest

from inception_jax import config as cfg
from inception_jax.runtime import mesh as meshes
from inception_jax.train import optim
from tests.train.steps import close, train

SECTION = cfg.optimizer(
    "lamb", schedule=cfg.rate("cosine", lr=0.1), eps=1e-6, weight_decay=0.1, agc=0.1, clip=1.0,
    lookahead=2, layer_decay=0.8, unfreeze_epochs=1.0,
)  # fmt: skip


@pytest.mark.slow
def test_eight_devices_have_the_state_of_one(float64, monkeypatch):
    """Norms, masks and slow weights on shards of the state (ZeRO-1): equal to 1e-9."""
    monkeypatch.setattr(meshes, "SMALLEST", 16)
    tx, _ = optim.build(
        cfg.ConfigDict(SECTION),
        epochs=9.0,
        steps_per_epoch=1.0,
        backbone=["conv1", "conv2", "conv3"],
    )
    ends = []
    for options in ({}, {"devices": 8, "zero": True}):
        with jax.numpy_dtype_promotion("standard"):
            state, losses = train(
                4, 32, tx=tx, dtype="float64", bn_group=2, colour="none", sam=0.05, **options
            )
        ends.append((state, losses))
    close(*ends, 1e-9)
