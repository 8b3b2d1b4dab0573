"""What XLA's compilers are told to do otherwise than they would."""

from typing import Any

import jax
import jaxlib.version
from jax.sharding import Mesh

SCOPED = "xla_tpu_scoped_vmem_limit_kib"
SCHEDULER = "xla_cpu_scheduler_type"
KNOWS_SCHEDULERS = (0, 9, 1)  # the first jaxlib whose CPU compiler can be told


def options(mesh: Mesh, vmem: int) -> dict[str, Any] | None:
    """Compiler options for a step on the mesh's devices; None where there is nothing to say.

    A CPU's compiler is to order a step's operations by the memory they need: by default it starts
    all that could run side by side, which keeps 3.6 GB in a step of Inception-v3 on 32 images where
    2.1 do, and is no faster (experiments/speed).

    Args:
        mesh: of the step.
        vmem: MiB of a TPU's own memory that one fusion may have; 0 leaves it to the compiler, which
            gives 16 of a v5e's 128. With more it reads an array once, where it lies, instead of
            having it staged, and takes up to three times as long to compile (experiments/speed).
    """
    platform = mesh.devices.flat[0].platform
    if platform == "cpu" and jaxlib.version.__version_info__ >= KNOWS_SCHEDULERS:
        return {SCHEDULER: "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
    return {SCOPED: str(1024 * vmem)} if platform == "tpu" and vmem else None


def once() -> dict[str, int] | None:
    """Compiler options for a program that runs once, as initialisers do; None off the CPU.

    Fifteen seconds of optimising a small GoogLeNet's random numbers become six.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
