"""Tests that a key which nothing reads is refused, with the key that switches it on."""

import pytest

from inception_jax import config as cfg
from inception_jax.errors import ConfigError
from tests.config.test_optim import full
from tests.config.test_tree import put

# (Values, the key that is refused, what switches it on.)
PAIRS = [
    ({"adam_lr": 0.1}, "optim.adam_lr=0.1", {"name": "muon"}),
    ({"fixed_norm": True}, "optim.fixed_norm=True", {"name": "muon"}),
    ({"trust": 0.01}, "optim.trust=0.01", {"name": "lars"}),
    ({"power": 2.0}, "optim.power=2.0", {"schedule": "polynomial"}),
    ({"momentum": 0.0}, "optim.nesterov=True", {"nesterov": False}),
    ({"decay_mask": "all"}, "optim.decay_mask=all", {"weight_decay": 1e-4}),
    ({"lookahead_rate": 0.8}, "optim.lookahead_rate=0.8", {"lookahead": 5}),
    ({"agc": 0.1, "backbone_lr": 0.0}, "optim.agc=0.1", {"backbone_lr": 0.1}),
    ({"model.drop_path": 0.1, "backbone_lr": 0.0}, "model.drop_path=0.1", {"backbone_lr": 1.0}),
    ({"model.drop_branch": 0.1, "backbone_lr": 0.0}, "model.drop_branch=0.1", {"backbone_lr": 1.0}),
    ({"agc": 0.1, "freeze_until": "logits"}, "optim.agc=0.1", {"freeze_until": "inception_5b"}),
    ({"loss.temperature": 4.0}, "loss.temperature=4.0", {"loss.teacher": "runs/large"}),
    ({"loss.teacher_weight": 0.9}, "loss.teacher_weight=0.9", {"loss.teacher": "runs/large"}),
]


@pytest.mark.parametrize(("values", "says", "better"), PAIRS, ids=repr)
def test_switches(config, values, says, better):
    """The message begins with the key; with the other key set, the value is accepted."""
    with pytest.raises(ConfigError) as e:
        cfg.validate(put(config, full(values)))
    assert str(e.value).startswith(f"--config.{says} with --config.")
    assert "expected" in str(e.value) and "; or --config." in str(e.value)
    cfg.validate(put(config, full(values | better)))
