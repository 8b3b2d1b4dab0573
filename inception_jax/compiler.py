"""What XLA's compilers are told to do otherwise than they would."""

from typing import Any

import jax
from jax.sharding import Mesh

SCOPED = "xla_tpu_scoped_vmem_limit_kib"


def options(mesh: Mesh, vmem: int) -> dict[str, Any] | None:
    """Compiler options for a step on the mesh's devices; None where there is nothing to say.

    Args:
        mesh: of the step.
        vmem: MiB of a TPU's own memory that one fusion may have; 0 leaves it to the compiler, which
            gives 16 of a v5e's 128. With more it reads an array once, where it lies, instead of
            having it staged, and takes up to three times as long to compile (experiments/speed).
    """
    on_tpu = mesh.devices.flat[0].platform == "tpu"
    return {SCOPED: str(1024 * vmem)} if vmem and on_tpu else None


def once() -> dict[str, int] | None:
    """Compiler options for a program that runs once, as initialisers do; None off the CPU.

    Fifteen seconds of optimising a small GoogLeNet's random numbers become six.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
