"""The chips that can be planned for, TPUs and GPUs, under one interface: `tpus.Tpu`'s methods."""

import re
from typing import TypeAlias

from inception_jax.plan.gpus import GPUS, Gpu
from inception_jax.plan.tpus import TPUS, Tpu

Chip: TypeAlias = Tpu | Gpu
CHIPS: tuple[Chip, ...] = (*TPUS, *GPUS)


def of_kind(kind: str) -> Chip | None:
    """Finds the chip of a JAX device kind; None if it is not in the table."""
    return next((c for c in CHIPS if c.kind == kind), None)


def named(name: str) -> Chip | None:
    """Finds the chip of a topology: `v5e:4x4`, `v5litepod-16`, `v4-32`, `h100-8`."""
    version = re.split(r"[:-]", name)[0].removesuffix("litepod")
    version = "v5e" if version == "v5" and "litepod" in name else version
    return next((c for c in CHIPS if c.name == version), None)
