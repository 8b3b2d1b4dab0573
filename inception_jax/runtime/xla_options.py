"""What XLA's compilers are told to do otherwise than they would."""

from collections.abc import Callable
from typing import Any

import jax
import jaxlib.version

Options = dict[str, Any]

SCOPED = "xla_tpu_scoped_vmem_limit_kib"
CAN_BE_TOLD = (0, 9, 1)  # the first jaxlib whose CPU compiler knows both of these
BY_MEMORY = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
WITHOUT_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}


def training(device: Any, vmem: int = 0) -> Options | None:
    """Compiler options for a train step on such a device; None where there is nothing to say.

    A CPU's compiler is to order operations by the memory they need: by default it starts all that
    could run side by side, which keeps 3.6 GB in a step of Inception-v3 on 32 images where 2.1 do,
    and is no faster (experiments/speed).

    Args:
        device: one of those that it runs on.
        vmem: MiB of a TPU's own memory that one fusion may have; 0 leaves it to the compiler, which
            gives 16 of a v5e's 128. With more it reads an array once, where it lies, instead of
            having it staged, and takes up to three times as long to compile (experiments/speed).
    """
    if _told(device):
        return BY_MEMORY
    return {SCOPED: str(1024 * vmem)} if device.platform == "tpu" and vmem else None


def evaluation(device: Any) -> Options | None:
    """The same for a network's evaluation.

    A CPU's is also to leave matrix products to Eigen instead of YNNPACK: they are 5 to 8% faster,
    where those of a train step are 4% slower (experiments/speed).
    """
    return BY_MEMORY | WITHOUT_YNNPACK if _told(device) else None


def jit(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.jit` of a network's evaluation, on the device that is there."""
    return jax.jit(forward, compiler_options=evaluation(jax.devices()[0]))


def once() -> Options | None:
    """Compiler options for a program that runs once, as initialisers do; None off the CPU.

    Fifteen seconds of optimising a small GoogLeNet's random numbers become six.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None


def _told(device: Any) -> bool:
    return device.platform == "cpu" and jaxlib.version.__version_info__ >= CAN_BE_TOLD
