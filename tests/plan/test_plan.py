"""Tests `plan.of`: the cost of a config's train step."""

import jax
import numpy as np
import pytest

from inception_jax import plan
from inception_jax.plan import text
from inception_jax.plan.gpus import GPUS
from inception_jax.runtime import mesh as meshes
from inception_jax.train.trainer import build
from tests.tiny import Tiny, digits

TPU_ERRORS = [
    ("Ran out of memory in memory space hbm. Used 20.11G of 15.75G hbm.", 20.11, 15.75),
    ("Ran out of memory on HBM, the total memory required for HLO temporaries (143.45G) exceeds "
     "available HBM (15.75G).", 143.45, 15.75),
    ("Ran out of memory.", 0, 0),
]  # fmt: skip


@pytest.mark.slow
def test_a_plan_has_the_bytes_of_a_run(monkeypatch, quick_compiler):
    """Those of the arrays of its state and batch on one device."""
    monkeypatch.setattr(meshes, "SMALLEST", 256)
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny(bn_group=4))
    trainer = build(digits(mesh__zero=True, model__bn_group=4), jax.devices()[:4])
    program = trainer.program
    planned = plan.of(program)
    state, first = program.fresh_state(), jax.devices()[0]

    def local_bytes(tree):
        shards = [s for x in jax.tree.leaves(tree) for s in x.addressable_shards]
        return sum(s.data.nbytes for s in shards if s.device == first)

    memory = planned["memory"]
    assert memory["state"] == {
        "parameters": local_bytes(state.params),
        "statistics": local_bytes(state.batch_stats),
        "optimiser": local_bytes(state.opt_state),
        "averages": local_bytes(state.ema),
    }
    rows = {"image": np.zeros((96, 8, 8, 3), np.uint8), "label": np.zeros(96, np.int32)}
    assert memory["batch"] == local_bytes(trainer.placed(rows, 0, step=1))
    assert memory["arguments"] == sum(memory["state"].values()) + memory["batch"] + 4  # the step
    assert memory["total"] >= memory["arguments"] + memory["temporaries"]
    assert planned["devices"]["mesh"] == {"data": 4, "model": 1}
    kinds = {row["kind"] for row in planned["collectives"]}
    assert kinds == {"all-reduce", "all-gather"}
    shown = text.text(planned)
    assert (
        all(row["kind"] in shown for row in planned["collectives"]) and "data 4 x model 1" in shown
    )


@pytest.mark.parametrize(("message", "needed", "capacity"), TPU_ERRORS)
def test_amounts_of_an_out_of_memory_error(monkeypatch, message, needed, capacity):
    """Needed bytes and capacity in both messages of the TPU compiler; 0 without."""
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny(bn_group=4))
    program = build(digits(model__bn_group=4), jax.devices()[:1]).program

    def refuse():
        raise jax.errors.JaxRuntimeError(f"RESOURCE_EXHAUSTED: {message}")

    monkeypatch.setattr(program, "compiled", refuse)
    found = plan.of(program)
    assert (found["needed"], found["capacity"]) == (int(needed * 2**30), int(capacity * 2**30))
    assert found["devices"]["count"] == 1 and "memory" not in found


@pytest.mark.slow
def test_what_a_compiler_accepts_may_not_fit(monkeypatch):
    """A GPU's compiler does not refuse a program that its allocator will."""
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny(bn_group=4))
    program = build(digits(model__bn_group=4), jax.devices()[:1]).program
    small = GPUS[0]._replace(memory=100)
    monkeypatch.setattr("inception_jax.plan.chips.of_kind", lambda kind: small)
    found = plan.of(program)
    assert found["capacity"] == 75 < found["needed"] and "memory" not in found
