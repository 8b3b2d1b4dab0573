"""What XLA's compilers are told to do otherwise than they would."""

import os
from typing import Any

import jax
from jax.sharding import Mesh

SCOPED = "xla_tpu_scoped_vmem_limit_kib"
# JAX's device kinds whose fast memory (VMEM) takes it. What a fusion may have of that is 16 MiB of
# 128 on a v5e; with 48 it reads what it needs once, where it lies, instead of having it staged.
# (experiments/speed. A v4 has no use for it; a v6e, whose own limit is 32, was not measured.)
ROOMY = {"TPU v5 lite": 48, "TPU v5": 48}


def options(mesh: Mesh) -> dict[str, Any] | None:
    """Compiler options for a step on the mesh's devices; None where there is nothing to say.

    What `LIBTPU_INIT_ARGS` says of the same setting is the user's, and wins.
    """
    mebibytes = ROOMY.get(mesh.devices.flat[0].device_kind)
    if not mebibytes or SCOPED in os.environ.get("LIBTPU_INIT_ARGS", ""):
        return None
    return {SCOPED: str(1024 * mebibytes)}


def once() -> dict[str, int] | None:
    """Compiler options for a program that runs once, as initialisers do; None off the CPU.

    Fifteen seconds of optimising a small GoogLeNet's random numbers become six.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
