"""Devices to compile for: topologies of TPUs and GPUs, and virtual CPU devices."""

import os
from collections.abc import Sequence
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.plan import chips


def topology(name: str) -> Sequence[Any]:
    """Returns the devices of a topology, `v5e:4x4`, `v5e-16` or `h100-8`; none need exist.

    Raises:
        ConfigError: unknown, or its compiler is not installed or does not know it.
    """
    chip = chips.named(name)
    if chip is None:
        known = ", ".join(c.name for c in chips.CHIPS)
        raise ConfigError(
            f"--topology={name}: expected a topology of {known}, such as v5e-16, v5e:4x4 or h100-8"
        )
    try:
        wanted = chip.compiler(name)
    except ValueError as e:
        raise ConfigError(f"--topology={name}: {e}") from e
    for variable, value in chip.ENVIRONMENT:
        os.environ.setdefault(variable, value)
    import jax

    jax.config.update("jax_platforms", "cpu")
    from jax.experimental import topologies

    try:
        description = topologies.get_topology_desc(**wanted)
    except Exception as e:  # of several types
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise ConfigError(
            f"--topology={name}: expected a topology such as v5e:2x4 or h100-8, and its compiler: "
            f"pip install 'inception-jax[{chip.EXTRA}]' ({reason})"
        ) from e
    return description.devices


def virtual() -> Sequence[Any]:
    """Returns the CPU devices, without claiming an accelerator."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    return jax.devices()
