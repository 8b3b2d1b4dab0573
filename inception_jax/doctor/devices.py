"""The devices: which there are, whether they compute, whether mesh and step fit them."""

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

if TYPE_CHECKING:  # a host alone is examined without it
    from inception_jax.train.trainer import Trainer

FULL = 0.9  # share of a device's memory; the rest goes to its runtime and to fragments


def there(root: Path = Path("/")) -> Finding:
    """Platform, kind, number and memory of the devices; a GPU or TPU that JAX does not use.

    Args:
        root: of the file system, where the drivers are looked for.
    """
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
            advice = f"unset JAX_PLATFORMS, which is {wanted!r}; if that is not all: {advice}"
        return warning(f"{text}, but {what} is there and not used", advice, same=same)
    return Finding(text, same=same)


def unused_accelerator(root: Path) -> tuple[str, str] | None:
    """An accelerator that this host seems to have, and the extra that would use it."""
    gpus = [*root.glob("proc/driver/nvidia/gpus/*"), *root.glob("dev/nvidia[0-9]*")]
    if gpus:
        return "an NVIDIA GPU", "cuda12"
    if [*root.glob("dev/accel[0-9]*"), *root.glob("dev/vfio/[0-9]*")]:
        return "a TPU", "tpu"
    return None


def memory_of(device: Any) -> int:
    """Bytes that a program may use of a device's memory; 0 where it does not say."""
    return int((device.memory_stats() or {}).get("bytes_limit", 0))


def arithmetic() -> Finding:
    """A product on one device, and a sum over all of them."""
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


def mesh(made: Mesh, batch_size: int) -> Finding:
    """What a mesh that could be made takes of the devices and the batch."""
    used, count = made.devices.size, len(jax.devices())
    each = batch_size // meshes.shards(made)
    text = f"{' x '.join(f'{n} {name}' for name, n in made.shape.items())}, {each} images a device"
    if used < count:
        advice = "let the mesh take all that are left: --config.mesh.data=-1"
        return warning(f"{text}; {count - used} of {count} devices stand idle", advice)
    return Finding(text)


def memory(job: "Trainer", compile: bool = False) -> Finding:
    """Bytes of the train state on one device; with `compile`, the whole step's by the compiler."""
    state = f"{size(meshes.local_bytes(job.empty_state))} of state a device"
    if not compile:
        return Finding(f"{state}; what a step needs: inception-jax plan, or doctor --compile")
    began = time.monotonic()
    m = job.compiled().memory_analysis()
    total = m.argument_size_in_bytes + m.output_size_in_bytes + m.temp_size_in_bytes
    total -= m.alias_size_in_bytes
    text = f"{state}, a step {size(total)} (compiled in {time.monotonic() - began:.0f} s)"
    device = jax.local_devices()[0]
    have = memory_of(device)
    if device.platform == "cpu":
        have = memory_of_host() // jax.local_device_count()
    if not have:
        return Finding(f"{text}; the device does not report its memory")
    text += f" of {size(have)}"
    if total <= FULL * have:
        return Finding(text)
    return warning(
        text,
        "less at a time: --config.optim.accumulate=2 (or more), a smaller data.batch_size, "
        "--config.model.dtype=bfloat16, or more devices; inception-jax plan compares them",
    )
