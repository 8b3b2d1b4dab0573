"""Tests `units`: the layers of a network in the order of the peers' tables."""

from inception_jax import models
from inception_jax.weights.units import units


def test_order():
    """Rows top to bottom, branches left to right, `block35/10` after `block35/9`, heads last."""
    paths = [u.path for u in units(models.create("inception_resnet_v2"))]
    assert paths[:2] == ["conv_1a", "conv_2a"] and paths[-1] == "aux_block17/logits"
    blocks = list(dict.fromkeys(p.split("/")[1] for p in paths if p.startswith("block35/")))
    assert blocks == [str(i) for i in range(1, 11)]
    first = [p for p in paths if p.startswith("block35/1/")]
    assert [p.split("/")[2] for p in first] == [
        "branch_0_0", "branch_1_0", "branch_1_1", "branch_2_0", "branch_2_1", "branch_2_2", "up",
    ]  # fmt: skip
