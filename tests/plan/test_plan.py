"""Tests `inception_jax/plan.py` and the mesh's checks in `job.py`: what a page needs of devices."""

import json
import re

import jax
import numpy as np
import pytest

from inception_jax import cli, plan
from inception_jax import config as cfg
from inception_jax.errors import ConfigError
from inception_jax.plan import text as page
from inception_jax.runtime import mesh as meshes
from inception_jax.train.trainer import build
from tests.tiny import Tiny, digits

TPU_SAYS = [
    ("Ran out of memory in memory space hbm. Used 20.11G of 15.75G hbm.", 20.11, 15.75),
    ("Ran out of memory on HBM, the total memory required for HLO temporaries (143.45G) exceeds "
     "available HBM (15.75G).", 143.45, 15.75),
    ("Ran out of memory.", 0, 0),
]  # fmt: skip
SMALL = ["--config=configs/digits.py:width=0.125", "--config.data.image_size=8"]


def test_a_plan_is_what_the_run_holds(monkeypatch):
    """Bytes of a device are those that its arrays of the run's own state and batch have."""
    monkeypatch.setattr(meshes, "SMALLEST", 256)
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c: Tiny(bn_group=4))
    trainer = build(digits(mesh__zero=True, model__bn_group=4), jax.devices()[:4])
    job = trainer.program
    found = plan.of(job)
    state, first = job.fresh_state(), jax.devices()[0]

    def held(tree):
        shards = [s for x in jax.tree.leaves(tree) for s in x.addressable_shards]
        return sum(s.data.nbytes for s in shards if s.device == first)

    memory = found["memory"]
    assert memory["state"] == {
        "parameters": held(state.params),
        "statistics": held(state.batch_stats),
        "optimiser": held(state.opt_state),
        "averages": held(state.ema),
    }
    rows = {"image": np.zeros((96, 8, 8, 3), np.uint8), "label": np.zeros(96, np.int32)}
    assert memory["batch"] == held(trainer.placed(rows, 0))
    assert memory["arguments"] == sum(memory["state"].values()) + memory["batch"] + 4  # the step
    assert memory["total"] >= memory["arguments"] + memory["temporaries"]
    assert found["devices"]["mesh"] == {"data": 4, "model": 1}
    kinds = {row["kind"] for row in found["collectives"]}
    assert kinds == {"all-reduce", "all-gather"}
    shown = page.text(found)
    assert all(row["kind"] in shown for row in found["collectives"]) and "data 4 x model 1" in shown


def test_the_command_makes_its_own_devices(command):
    """`plan --devices=2` needs no such devices; JSON and text have the same figures."""
    rows = ["inception_3b", *(f"inception_4{x}" for x in "abcde"), "inception_5a", "inception_5b"]
    words = ["plan", *SMALL, "--config.model.bn_group=32", "--devices=2"]
    words += [f"--config.model.drop_rows={tuple(rows)!r}", "--config.model.aux=false"]
    found = json.loads(command(*words, "--json").stdout)
    assert found["devices"]["count"] == 2 and found["batch_size"] == 64
    (summed, signal) = found["collectives"]
    assert (summed["kind"], summed["dtype"], summed["axis"]) == ("all-reduce", "f32", "data")
    parts = found["memory"]["state"]
    assert 0 <= summed["bytes"] - parts["parameters"] - parts["statistics"] <= 64
    assert (signal["dtype"], signal["bytes"]) == ("s32", 4)
    lines = command(*words).stdout.splitlines()
    assert any(re.match(r" +all-reduce +f32 +data ", line) for line in lines)


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--devices=0"], "--devices=0: expected a whole number of at least 1"),
     (["--devices=5"], "batch_size=64: expected a multiple of 5"),
     (["--devices=99"], "--devices=99: expected at most 8"),
     (["--topology=v5e:9x9x9"], "v5e:2x4"),
     (["--devices=4", "--config.mesh.data=8"], "expected at most the 4 devices"),
     (["--devices=2", "--config.mesh.reduce=bfloat16"],
      "--config.model.bn_group=0: expected a divisor of 32"),
     (["--devices=2", "--config.model.dtype=bfloat16", "--config.mesh.reduce=float32"],
      "leave mesh.reduce=auto"),
     (["--config.model.dtype=float64", "--config.mesh.reduce=float32"], "expected auto")],
)  # fmt: skip
def test_plan_refuses(words, says, capsys, monkeypatch, request):
    """Devices that there are not, and layouts that cannot be; each message says what to change."""
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    assert cli.main(["plan", *SMALL, *words]) == 78
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("devices", "changes", "dtype"),
    [(1, {"reduce": "bfloat16"}, ""), (2, {}, ""), (2, {"dtype": "float64"}, ""),
     (2, {"dtype": "bfloat16", "reduce": "bfloat16"}, ""), (2, {"reduce": "bfloat16"}, "bfloat16"),
     (2, {"dtype": "bfloat16", "reduce": "float32"}, "float32"), (2, {"dtype": "bfloat16"}, "")],
)  # fmt: skip
def test_who_adds_the_gradients_up(devices, changes, dtype):
    """The step does so itself only where the partitioner would take another dtype."""
    keys = {"reduce": "mesh__reduce", "dtype": "model__dtype"}
    page = digits(model__bn_group=4, **{keys[k]: v for k, v in changes.items()})
    cfg.validate(page)
    assert build(page, jax.devices()[:devices]).program.reduce_dtype == dtype


def test_reduced_gradients_need_whole_groups():
    """Groups that lie across devices are refused where each device's gradient must be whole."""
    with pytest.raises(ConfigError, match=r"model\.bn_group=32: expected a divisor of 12"):
        build(digits(model__bn_group=32, mesh__reduce="bfloat16"), jax.devices()[:8])
    build(digits(model__bn_group=32), jax.devices()[:8])


@pytest.mark.parametrize(("text", "needed", "capacity"), TPU_SAYS)
def test_the_amounts_of_a_refusal(monkeypatch, text, needed, capacity):
    """Both of the TPU compiler's ways to say what is needed and what there is; 0 without."""
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c: Tiny(bn_group=4))
    job = build(digits(model__bn_group=4), jax.devices()[:1]).program

    def refuse():
        raise jax.errors.JaxRuntimeError(f"RESOURCE_EXHAUSTED: {text}")

    monkeypatch.setattr(job, "compiled", refuse)
    with pytest.raises(plan.DoesNotFitError) as e:
        plan.of(job)
    assert (e.value.needed, e.value.capacity) == (int(needed * 2**30), int(capacity * 2**30))
