"""What XLA's compilers are told to do otherwise than they would."""

from collections.abc import Callable
from typing import Any

import jax
import jaxlib.version

SCOPED = "xla_tpu_scoped_vmem_limit_kib"
SCHEDULER = "xla_cpu_scheduler_type"
KNOWS_SCHEDULERS = (0, 9, 1)  # the first jaxlib whose CPU compiler can be told


def options(device: Any, vmem: int = 0) -> dict[str, Any] | None:
    """Compiler options for a program of a network; None where there is nothing to say.

    A CPU's compiler is to order operations by the memory they need: by default it starts all that
    could run side by side, which keeps 3.6 GB in a step of Inception-v3 on 32 images where 2.1 do,
    and is no faster (experiments/speed).

    Args:
        device: one of those that it runs on.
        vmem: MiB of a TPU's own memory that one fusion may have; 0 leaves it to the compiler, which
            gives 16 of a v5e's 128. With more it reads an array once, where it lies, instead of
            having it staged, and takes up to three times as long to compile (experiments/speed).
    """
    platform = device.platform
    if platform == "cpu" and jaxlib.version.__version_info__ >= KNOWS_SCHEDULERS:
        return {SCHEDULER: "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
    return {SCOPED: str(1024 * vmem)} if platform == "tpu" and vmem else None


def jit(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.jit` of a network's evaluation, on the device that is there."""
    return jax.jit(forward, compiler_options=options(jax.devices()[0]))


def once() -> dict[str, int] | None:
    """Compiler options for a program that runs once, as initialisers do; None off the CPU.

    Fifteen seconds of optimising a small GoogLeNet's random numbers become six.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
