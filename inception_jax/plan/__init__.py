"""Plan a run: compile the train step of a config, without allocating, and report its cost."""

import re
import time
from typing import Any

import jax
from jax.stages import Compiled

from inception_jax.plan import chips, collectives, estimate, hlo
from inception_jax.runtime import mesh as meshes
from inception_jax.train.program import Program


def of(program: Program) -> dict[str, Any]:
    """Compiles a program's train step and returns its cost, as JSON values.

    `memory` is of one device: `state` has the arrays that persist between steps, `batch` those of
    one step; `temporaries` and `total`, the peak, are the compiler's. For a chip in `chips.CHIPS`
    the plan also has `step`, `recipe`, `rows` and `kinds`; see `estimate`.

    The plan of a step for which a device has too little memory has `needed` and `capacity`
    instead: bytes, 0 if the compiler does not report them.

    Raises:
        ConfigError: the images are smaller than the network's minimum; the layer is named.
    """
    began = time.monotonic()
    try:
        compiled = program.compiled()
    except jax.errors.JaxRuntimeError as e:
        if "RESOURCE_EXHAUSTED" not in str(e) and "out of memory" not in str(e):
            raise
        return {**_about(program), **_amounts(str(e))}
    seconds = time.monotonic() - began
    module = hlo.parse(compiled.as_text() or "")
    sent = collectives.read(module, program.mesh)
    about, memory = _about(program), _memory(program, compiled)
    chip = chips.of_kind(about["devices"]["kind"])
    if chip and memory["total"] > chip.usable:  # a GPU's compiler does not refuse it
        return {**about, "needed": memory["total"], "capacity": chip.usable}
    plan: dict[str, Any] = {
        **about,
        "compile_s": seconds,
        "memory": memory,
        "collectives": collectives.totals(sent),
    }
    if chip:
        plan["memory"]["capacity"] = chip.usable
        rows = [r.name for r in program.model.rows()]
        names = {*rows, *(f"aux_{r}" for r in rows), "logits"}  # in the paths of operations
        scheduled = chip.schedule(module, names, compiled.cost_analysis())
        plan |= estimate.of(program, chip, scheduled, sent)
    return plan


def _about(program: Program) -> dict[str, Any]:
    """Returns the subject of a plan: network, batch, devices."""
    c, devices = program.config, program.mesh.devices.flat
    return {
        "model": c.model.name,
        "dialect": program.model.dialect,
        "dtype": c.model.dtype,
        "batch_size": c.data.batch_size,
        "image_size": c.data.image_size,
        "bn_group": c.model.bn_group,
        "recompute": c.train.recompute,
        "vmem": c.train.vmem,
        "devices": {
            "count": program.mesh.size,
            "hosts": len({d.process_index for d in devices}),
            "platform": devices[0].platform,
            "kind": devices[0].device_kind,
            "mesh": dict(program.mesh.shape),
        },
    }


def _memory(program: Program, compiled: Compiled) -> dict[str, Any]:
    state, m = program.empty_state, compiled.memory_analysis()
    assert m is not None  # both compilers report it
    once = m.argument_size_in_bytes + m.output_size_in_bytes - m.alias_size_in_bytes
    return {
        "state": {
            "parameters": meshes.local_bytes(state.params),
            "statistics": meshes.local_bytes(state.batch_stats),
            "optimiser": meshes.local_bytes(state.opt_state),
            "averages": meshes.local_bytes(state.ema),
        },
        "batch": meshes.local_bytes(program.empty_batch),
        "arguments": m.argument_size_in_bytes,
        "temporaries": m.temp_size_in_bytes,
        "program": m.generated_code_size_in_bytes,
        "total": once + m.temp_size_in_bytes + m.generated_code_size_in_bytes,
    }


# "Ran out of memory in memory space hbm. Used 20.11G of 15.75G hbm.", or, if the temporaries alone
# are too large, "... for HLO temporaries (36.85G) exceeds available HBM (15.75G)."
USED = re.compile(
    r"(?:used |temporaries \()([\d.]+)([KMGT])(?: of |\) exceeds available HBM \()([\d.]+)([KMGT])",
    re.IGNORECASE,
)
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def _amounts(error: str) -> dict[str, int]:
    match = USED.search(error)
    if not match:
        return {"needed": 0, "capacity": 0}
    needed, capacity = (int(float(match[i]) * UNITS[match[i + 1]]) for i in (1, 3))
    return {"needed": needed, "capacity": capacity}
