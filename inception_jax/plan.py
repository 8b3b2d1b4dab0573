"""What a config's train step needs of its devices: found by compiling it, nothing is allocated."""

from typing import Any

from inception_jax import collectives
from inception_jax import mesh as meshes
from inception_jax.job import Job


def of(job: Job) -> dict[str, Any]:
    """Devices, bytes of a device, and collectives of a job's train step, as JSON has them.

    `memory` is of one device: `state` what the arrays take that live from step to step, `batch` one
    step's, and the compiler's own figures: `temporaries` and `total`, the most at any time.

    Raises:
        ConfigError: the images are below the network's minimum; the layer is named.
    """
    compiled = job.compiled()
    rows = collectives.read(compiled.as_text(), job.mesh)
    return {
        "model": job.config.model.name,
        "batch_size": job.config.data.batch_size,
        "devices": _devices(job.mesh),
        "memory": {
            **_state(job),
            "batch": meshes.local_bytes(job.empty_batch),
            **_compiled(compiled),
        },
        "collectives": collectives.totals(rows),
    }


def _devices(mesh: Any) -> dict[str, Any]:
    first = mesh.devices.flat[0]
    return {
        "count": mesh.size,
        "platform": first.platform,
        "kind": first.device_kind,
        "mesh": dict(mesh.shape),
    }


def _state(job: Job) -> dict[str, Any]:
    state = job.empty_state
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


def text(found: dict[str, Any]) -> str:
    """The plan for people."""
    devices, memory = found["devices"], found["memory"]
    axes = " x ".join(f"{name} {n}" for name, n in devices["mesh"].items())
    lines = [
        f"{found['model']}, batches of {found['batch_size']:,}, on {devices['count']} "
        f"{devices['kind']}: {axes}",
        "",
        "bytes of one device",
    ]
    sizes = {**memory["state"], **{k: v for k, v in memory.items() if k != "state"}}
    lines += [f"  {name:12} {_size(value):>10}" for name, value in sizes.items()]
    lines += ["", "collectives of one step"]
    lines += [f"  {line}" for line in _collectives(found["collectives"])]
    return "\n".join(lines)


def _collectives(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["none"]
    head = f"{'':20} {'dtype':6} {'over':12} {'count':>6} {'arrays':>7} {'bytes':>10}"
    return [head] + [
        f"{r['kind']:20} {r['dtype']:6} {r['axis'] or '-':12} {r['count']:6} {r['arrays']:7} "
        f"{_size(r['bytes']):>10}" + (", some in a loop" if r["loop"] else "")
        for r in rows
    ]


def _size(count: int) -> str:
    """Bytes in the unit that leaves at most four digits."""
    step = 0
    value: float = count
    while value >= 10_000 and step < 3:
        value, step = value / 1000, step + 1
    return f"{value:,.4g} {('B', 'kB', 'MB', 'GB')[step]}"
