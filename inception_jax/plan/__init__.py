"""Plan a run: compile the train step of a config, without allocating, and report its cost."""

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any

import jax
from jax.sharding import Mesh
from jax.stages import Compiled

from inception_jax.plan import chips, collectives, estimate, hlo, schedule
from inception_jax.runtime import mesh as meshes
from inception_jax.train.program import Program


class DoesNotFitError(Exception):
    """The program needs more memory than a device has.

    Attributes:
        needed: bytes that the compiler reports; 0 if it reports none.
        capacity: bytes that a program may use; 0 if not reported.
    """

    def __init__(self, needed: int, capacity: int):
        super().__init__(f"expected at most {capacity} bytes, needed {needed}")
        self.needed, self.capacity = needed, capacity


def of(program: Program) -> dict[str, Any]:
    """Compiles a program's train step and returns its cost, as JSON values.

    `memory` is of one device: `state` has the arrays that persist between steps, `batch` those of
    one step; `temporaries` and `total`, the peak, are the compiler's. For a chip in `chips.CHIPS`
    the plan also has `step`, `recipe`, `rows` and `kinds`; see `estimate`.

    Raises:
        ConfigError: the images are smaller than the network's minimum; the layer is named.
        DoesNotFitError: a device has too little memory.
    """
    began = time.monotonic()
    with _out_of_memory():
        compiled = program.compiled()
    seconds = time.monotonic() - began
    module = hlo.parse(compiled.as_text() or "")
    sent = collectives.totals(collectives.read(module, program.mesh))
    plan: dict[str, Any] = {
        **about(program),
        "compile_s": seconds,
        "memory": {
            **_state(program),
            "batch": meshes.local_bytes(program.empty_batch),
            **_compiled(compiled),
        },
        "collectives": sent,
    }
    chip = chips.of_kind(plan["devices"]["kind"])
    if chip:
        plan["memory"]["capacity"] = chip.memory
        scheduled = schedule.read(module, row_names(program))
        plan |= estimate.of(program, chip, compiled.cost_analysis(), scheduled, sent)
    return plan


def about(program: Program) -> dict[str, Any]:
    """Returns the subject of a plan: network, batch, devices."""
    c, mesh = program.config, program.mesh
    return {
        "model": c.model.name,
        "dialect": program.model.dialect,
        "dtype": c.model.dtype,
        "batch_size": c.data.batch_size,
        "image_size": c.data.image_size,
        "bn_group": c.model.bn_group,
        "recompute": c.train.recompute,
        "vmem": c.train.vmem,
        "devices": _devices(mesh),
    }


def row_names(program: Program) -> set[str]:
    """The network's rows and heads, as named in the paths of its operations."""
    rows = [r.name for r in program.model.rows()]
    return {*rows, *(f"aux_{r}" for r in rows), "logits"}


def _devices(mesh: Mesh) -> dict[str, Any]:
    first = mesh.devices.flat[0]
    return {
        "count": mesh.size,
        "hosts": len({d.process_index for d in mesh.devices.flat}),
        "platform": first.platform,
        "kind": first.device_kind,
        "mesh": dict(mesh.shape),
    }


def _state(program: Program) -> dict[str, Any]:
    state = program.empty_state
    parts = {
        "parameters": state.params,
        "statistics": state.batch_stats,
        "optimiser": state.opt_state,
        "averages": state.ema,
    }
    return {"state": {name: meshes.local_bytes(part) for name, part in parts.items()}}


def _compiled(compiled: Compiled) -> dict[str, int]:
    m = compiled.memory_analysis()
    assert m is not None  # both compilers report it
    once = m.argument_size_in_bytes + m.output_size_in_bytes - m.alias_size_in_bytes
    return {
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


@contextlib.contextmanager
def _out_of_memory() -> Iterator[None]:
    try:
        yield
    except jax.errors.JaxRuntimeError as e:
        if "RESOURCE_EXHAUSTED" not in str(e) and "out of memory" not in str(e):
            raise
        match = USED.search(str(e))
        used, limit = (
            (int(float(match[i]) * UNITS[match[i + 1]]) for i in (1, 3)) if match else (0, 0)
        )
        raise DoesNotFitError(used, limit) from e
