"""Tests the rules between keys of the `optim` section, each with the nearest values that agree."""

import pytest

from inception_jax import config as cfg
from inception_jax.errors import ConfigError
from tests.config.test_tree import put

# (Values, the key that the message begins with, what to change for them to be accepted.)
PAIRS = [
    ({"schedule": "piecewise"}, "milestones=()", {"milestones": (3.0, 5.0), "decay_rate": 0.1}),
    ({"milestones": (3.0, 5.0)}, "milestones=(3.0, 5.0)",
     {"schedule": "piecewise", "decay_rate": 0.1}),
    ({"schedule": "piecewise", "milestones": (30.0, 60.0), "decay_rate": 0.1},
     "milestones=(30.0, 60.0)", {"milestones": (29.9, 60.0)}),
    ({"schedule": "staircase"}, "decay_rate=1.0", {"decay_rate": 0.94}),
    ({"schedule": "exponential"}, "decay_rate=1.0", {"schedule": "constant"}),
    ({"schedule": "piecewise", "milestones": (3.0,)}, "decay_rate=1.0", {"decay_rate": 0.1}),
    ({"schedule": "onecycle", "warmup_epochs": 0.0}, "warmup_epochs=0.0", {"warmup_epochs": 2.0}),
    ({"schedule": "polynomial", "warmup_epochs": 30.0}, "warmup_epochs=30.0",
     {"warmup_epochs": 29.0}),
    ({"cold_epochs": 29.0, "warmup_start": 0.1}, "warmup_epochs=1.0",
     {"schedule": "staircase", "decay_rate": 0.9}),
    ({"cold_epochs": 1.0}, "cold_epochs=1.0", {"warmup_start": 0.1}),
    ({"warmup_epochs": 0.0, "warmup_start": 0.1}, "warmup_start=0.1", {"warmup_epochs": 0.5}),
    ({"warmup_epochs": 0.0, "warmup_end": 0.9}, "warmup_start=0.0 or --config.optim.warmup_end=0.9",
     {"warmup_epochs": 0.5}),
    ({"floor": 0.1, "schedule": "constant"}, "floor=0.1",
     {"schedule": "exponential", "decay_rate": 0.9}),
    ({"name": "lars", "momentum": 0.0}, "momentum=0.0", {"momentum": 0.9}),
    ({"name": "lamb", "eps": 0.0}, "eps=0.0", {"eps": 1e-6}),
    ({"name": "adam"}, "eps=0.0", {"eps": 1e-8}),
    ({"name": "adamw"}, "eps=0.0", {"eps": 1e-8}),
    ({"name": "rmsprop"}, "eps=0.0", {"eps": 1.0}),
    ({"name": "muon", "eps": 1.0}, "eps=1", {"eps": 1e-8}),
    ({"name": "muon", "fixed_norm": True, "backbone_lr": 0.1}, "backbone_lr=0.1",
     {"backbone_lr": 1.0}),
    ({"name": "muon", "fixed_norm": True, "layer_decay": 0.9}, "layer_decay=0.9",
     {"layer_decay": 1.0}),
    ({"name": "muon", "fixed_norm": True, "lookahead": 5}, "lookahead=5", {"fixed_norm": False}),
    ({"sam": 0.05, "unfreeze_epochs": 1.0}, "sam=0.05", {"unfreeze_epochs": 0.0}),
    ({"backbone_lr": 0.0, "layer_decay": 0.9}, "backbone_lr=0.0", {"backbone_lr": 0.1}),
    ({"backbone_lr": 0.0, "unfreeze_epochs": 1.0}, "backbone_lr=0.0", {"backbone_lr": 0.1}),
    ({"freeze_until": "logits", "layer_decay": 0.9}, "freeze_until=logits", {"layer_decay": 1.0}),
    ({"freeze_until": "logits", "head_epochs": 1.0}, "freeze_until=logits", {"freeze_until": ""}),
    ({"freeze_until": "x", "backbone_lr": 0.0}, "freeze_until=x", {"backbone_lr": 0.1}),
    ({"head_epochs": 1.0, "sam": 0.05}, "head_epochs=1.0", {"head_epochs": 0.0}),
    ({"loss_scale": 1024.0}, "loss_scale=1024", {"model.dtype": "float16"}),
]  # fmt: skip


def full(values):
    """Keys of `optim` with their section."""
    return {k if "." in k else f"optim.{k}": v for k, v in values.items()}


@pytest.mark.parametrize(("values", "says", "better"), PAIRS, ids=repr)
def test_rules(config, values, says, better):
    """What contradicts itself is refused with its key and a way out; the way out is accepted."""
    with pytest.raises(ConfigError) as e:
        cfg.validate(put(config, full(values)))
    assert f"--config.optim.{says}" in str(e.value) and "expected" in str(e.value)
    cfg.validate(put(config, full(values | better)))
