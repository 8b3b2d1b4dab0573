"""Tests `advice`: changes for a step that does not fit, and a host's input rate."""

import pytest

from inception_jax.plan import advice
from inception_jax.plan.gpus import GPUS
from tests.tiny import digits


def test_suggestions():
    """Recomputation first, then the batch for which there is memory, then microbatches."""
    config = digits(model__bn_group=0)
    plan = {"needed": 32 * 2**30, "capacity": 16 * 2**30, "devices": {"mesh": {"data": 1}}}
    text = advice.of(config, plan)
    assert "96 images on each of 1" in text and "34.36 GB" in text
    assert "--config.train.recompute=lean" in text and "is not enough alone" in text
    assert "--config.model.dtype=bfloat16" in text
    assert "--config.data.batch_size=40 (40 images on each), or the same batch on 3 devices" in text
    assert "--config.optim.accumulate=3" in text


def test_a_compiler_that_gives_no_amounts():
    """Its error has no figures then."""
    plan = {"needed": 0, "capacity": 0, "devices": {"mesh": {"data": 1}}}
    text = advice.of(digits(model__bn_group=0), plan)
    assert "gives no amount for 96 images" in text and " 0 B" not in text


def test_whether_a_host_keeps_up():
    """A host must deliver its share of the fastest step's images."""
    plan = {"step": {"images_per_s": [100, 400]}, "devices": {"hosts": 2}}
    assert advice.of_input(plan, {"images_per_s": 150.0})["share"] == pytest.approx(0.75)
    assert advice.of_input(plan, {"images_per_s": 200.0})["enough"]


@pytest.mark.parametrize(("needed", "said"), [(70e9, True), (82e9, False)])
def test_more_of_a_gpus_memory(needed, said):
    """A process may take more than XLA's default, but not all."""
    devices = {"mesh": {"data": 1}, "kind": GPUS[1].kind}
    plan = {"needed": int(needed), "capacity": GPUS[1].usable, "devices": devices}
    shown = advice.of(digits(model__bn_group=0), plan)
    assert ("XLA_PYTHON_CLIENT_MEM_FRACTION=0.95" in shown) is said
