"""Compiler options of XLA that differ from its defaults."""

from collections.abc import Callable
from typing import Any

import jax
import jaxlib.version

Options = dict[str, Any]

SCOPED = "xla_tpu_scoped_vmem_limit_kib"
CPU_OPTIONS_SINCE = (0, 9, 1)  # the first jaxlib whose CPU compiler has both of these
BY_MEMORY = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
AS_WRITTEN = {"xla_allow_excess_precision": False}
WITHOUT_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}


def training(device: Any, vmem: int = 0) -> Options | None:
    """Compiler options for a train step; None for the defaults.

    On a CPU operations are ordered by their memory: the default order, for concurrency, needs 3.6
    GB for a step of Inception-v3 on 32 images where 2.1 suffice, and is not faster
    (experiments/speed). On a GPU values are rounded to 16 bits wherever the program rounds them;
    by default the compiler keeps some in float32, and moves twice as many bytes for them.

    Args:
        device: one of those that run the step.
        vmem: MiB of a TPU's VMEM for one fusion; 0: the compiler's default, 16 of a v5e's 128. With
            more it reads an array from HBM once, without staging it, and takes up to three times as
            long to compile (experiments/speed).
    """
    if _has_cpu_options(device):
        return BY_MEMORY
    if device.platform == "gpu":
        return AS_WRITTEN
    return {SCOPED: str(1024 * vmem)} if device.platform == "tpu" and vmem else None


def evaluation(device: Any) -> Options | None:
    """Compiler options for a network's evaluation; None for the defaults.

    On a CPU matrix products use Eigen instead of YNNPACK: 5 to 8% faster, while a train step would
    be 4% slower (experiments/speed).
    """
    return BY_MEMORY | WITHOUT_YNNPACK if _has_cpu_options(device) else None


def jit(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.jit` with the options of `evaluation` for the default device."""
    return jax.jit(forward, compiler_options=evaluation(jax.devices()[0]))


def once() -> Options | None:
    """Compiler options for a program that runs once, as initialisers do; None off the CPU.

    Without optimisation a small GoogLeNet's initialisers compile in 6 s instead of 15.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None


def _has_cpu_options(device: Any) -> bool:
    return device.platform == "cpu" and jaxlib.version.__version_info__ >= CPU_OPTIONS_SINCE
