"""Check the devices: kind and memory, arithmetic, mesh, memory of the step."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from inception_jax.doctor.finding import Finding, failure, size, warning
from inception_jax.doctor.host import memory_of_host
from inception_jax.runtime import mesh as meshes

if TYPE_CHECKING:  # not needed to check a host alone
    from inception_jax.train.program import Program

FULL = 0.9  # usable share of a device's memory; its runtime and fragmentation use the rest


def available(root: Path = Path("/")) -> Finding:
    """Reports platform, kind, number and memory of the devices; warns of an unused GPU or TPU."""
    local, everywhere = jax.local_devices(), jax.devices()
    first = local[0]
    memory = memory_of(first)
    each = f", {memory / 1e9:.1f} GB each" if memory else ""
    text = f"{len(local)} {first.platform} ({first.device_kind}){each}"
    if len(everywhere) > len(local):
        text += f" here, {len(everywhere)} on {jax.process_count()} processes"
    same = {"devices": f"{len(local)} {first.device_kind}"}
    unused = unused_accelerator(root) if first.platform == "cpu" else None
    if unused:
        what, extra = unused
        advice = f"pip install -e '.[{extra}]'"
        if wanted := os.environ.get("JAX_PLATFORMS"):
            advice = f"unset JAX_PLATFORMS, which is {wanted!r}; if that does not help: {advice}"
        return warning(f"{text}, but {what} is present and not used", advice, same=same)
    return Finding(text, same=same)


def unused_accelerator(root: Path) -> tuple[str, str] | None:
    """Returns an accelerator whose driver is below `root`, and the extra that supports it."""
    gpus = [*root.glob("proc/driver/nvidia/gpus/*"), *root.glob("dev/nvidia[0-9]*")]
    if gpus:
        return "an NVIDIA GPU", "cuda12"
    if [*root.glob("dev/accel[0-9]*"), *root.glob("dev/vfio/[0-9]*")]:
        return "a TPU", "tpu"
    return None


def memory_of(device: Any) -> int:
    """Returns the usable bytes of a device; 0 if it does not report them."""
    return int((device.memory_stats() or {}).get("bytes_limit", 0))


def arithmetic() -> Finding:
    """Computes a matrix product on one device, and a sum over all."""
    ones = np.asarray(jax.jit(lambda x: x @ x)(jnp.ones((128, 128))))
    if not (ones == 128).all():
        return failure(f"128 ones added to {ones.min():g}", "the device or its driver is broken")
    count, mesh = len(jax.devices()), meshes.make()
    shares = jax.make_array_from_callback(
        (count,), meshes.batch(mesh), lambda at: np.arange(1, count + 1, dtype=np.float32)[at]
    )
    add = jax.jit(jnp.sum, out_shardings=meshes.replicated(mesh))
    sums = [float(shard.data) for shard in add(shares).addressable_shards]
    expected = count * (count + 1) / 2
    if any(total != expected for total in sums):
        return failure(
            f"the sum over {count} devices is {sums} on those of this host, expected {expected:g}",
            "the links between the devices, or their drivers, are broken",
        )
    return Finding(f"a product and a sum over {count} device{'s' * (count > 1)} are right")


def mesh(device_mesh: Mesh, batch_size: int) -> Finding:
    """Reports the devices and images of a mesh; warns of idle devices."""
    used, count = device_mesh.devices.size, len(jax.devices())
    each = batch_size // meshes.shards(device_mesh)
    axes = " x ".join(f"{n} {name}" for name, n in device_mesh.shape.items())
    text = f"{axes}, {each} images a device"
    if used < count:
        advice = "use all devices: --config.mesh.data=-1"
        return warning(f"{text}; {count - used} of {count} devices are idle", advice)
    return Finding(text)


def memory(program: "Program", compile: bool = False) -> Finding:
    """Reports the bytes of the train state on one device; with `compile`, those of the step."""
    state = f"{size(meshes.local_bytes(program.empty_state))} of state a device"
    if not compile:
        return Finding(f"{state}; for the whole step: inception-jax plan, or doctor --compile")
    began = time.monotonic()
    m = program.compiled().memory_analysis()
    total = m.argument_size_in_bytes + m.output_size_in_bytes + m.temp_size_in_bytes
    total -= m.alias_size_in_bytes
    text = f"{state}, a step {size(total)} (compiled in {time.monotonic() - began:.0f} s)"
    device = jax.local_devices()[0]
    capacity = memory_of(device)
    if device.platform == "cpu":
        capacity = memory_of_host() // jax.local_device_count()
    if not capacity:
        return Finding(f"{text}; the device does not report its memory")
    text += f" of {size(capacity)}"
    if total <= FULL * capacity:
        return Finding(text)
    return warning(
        text,
        "use less: --config.optim.accumulate=2 (or more), a smaller data.batch_size, "
        "--config.model.dtype=bfloat16, or more devices; inception-jax plan compares them",
    )
