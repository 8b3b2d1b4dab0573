"""What a config's train step needs of its devices: found by compiling it, nothing is allocated."""

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any

import jax

from inception_jax.plan import chips, collectives, estimate, schedule
from inception_jax.runtime import mesh as meshes
from inception_jax.train.program import Program


class DoesNotFitError(Exception):
    """The compiler found more memory needed than a device has.

    Attributes:
        needed: bytes, as the compiler says; 0 if it does not.
        capacity: bytes that a program may have.
    """

    def __init__(self, needed: int, capacity: int):
        super().__init__(f"{needed} bytes needed, {capacity} there")
        self.needed, self.capacity = needed, capacity


def of(program: Program) -> dict[str, Any]:
    """Everything that the compiler says of a program's train step, as JSON has it.

    `memory` is of one device: `state` what the arrays take that live from step to step, `batch` one
    step's, and the compiler's own figures: `temporaries` and `total`, the most at any time. `step`,
    `recipe` and `rows` are there for a chip whose figures are known (`chips`); see `estimate`.

    Raises:
        ConfigError: the images are below the network's minimum; the layer is named.
        DoesNotFitError: a device has not the memory.
    """
    began = time.monotonic()
    with _out_of_memory():
        compiled = program.compiled()
    seconds = time.monotonic() - began
    text, mesh = compiled.as_text(), program.mesh
    sent = collectives.totals(collectives.read(text, mesh))
    found: dict[str, Any] = {
        **about(program),
        "compile_s": seconds,
        "memory": {
            **_state(program),
            "batch": meshes.local_bytes(program.empty_batch),
            **_compiled(compiled),
        },
        "collectives": sent,
    }
    chip = chips.of_kind(found["devices"]["kind"])
    if chip:
        found["memory"]["capacity"] = chip.memory
        read = schedule.read(text, collectives.runs(text), names(program))
        found |= estimate.of(program, chip, compiled.cost_analysis(), read, sent)
    return found


def about(program: Program) -> dict[str, Any]:
    """What is compiled: the network, the batch, the devices."""
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


def names(program: Program) -> set[str]:
    """The network's parts, as the paths of its operations have them."""
    rows = [r.name for r in program.model.rows()]
    return {*rows, *(f"aux_{r}" for r in rows), "logits"}


def _devices(mesh: Any) -> dict[str, Any]:
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


def _compiled(compiled: Any) -> dict[str, int]:
    m = compiled.memory_analysis()
    once = m.argument_size_in_bytes + m.output_size_in_bytes - m.alias_size_in_bytes
    return {
        "arguments": m.argument_size_in_bytes,
        "temporaries": m.temp_size_in_bytes,
        "program": m.generated_code_size_in_bytes,
        "total": once + m.temp_size_in_bytes + m.generated_code_size_in_bytes,
    }


# "Ran out of memory in memory space hbm. Used 20.11G of 15.75G hbm.", or, where the temporaries
# alone are too many, "... for HLO temporaries (36.85G) exceeds available HBM (15.75G)."
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
