"""Devices to compile for: TPU topologies and virtual CPU devices."""

import os
from collections.abc import Sequence
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.plan import chips


def topology(name: str) -> Sequence[Any]:
    """Returns the devices of a TPU topology, `v5e:4x4`, or slice, `v5e-16`; no TPU is needed.

    Raises:
        ConfigError: no TPU compiler is installed, or it does not know the topology.
    """
    # The metadata server exists on TPU hosts only. No chip is claimed: several may compile at once.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    import jax

    jax.config.update("jax_platforms", "cpu")
    from jax.experimental import topologies

    try:
        wanted = chips.topology(name)
    except ValueError as e:
        raise ConfigError(f"--topology={name}: {e}") from e
    options = {}
    if wanted.startswith("v4:"):
        options["chip_config_name"] = "megacore"  # as on a v4 host: a device is a chip, not a core
    if chips.count(wanted) == 1:
        options["chips_per_host_bounds"] = [1, 1, 1]
    try:
        description = topologies.get_topology_desc(platform="tpu", topology_name=wanted, **options)
    except Exception as e:  # of several types
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise ConfigError(
            f"--topology={name}: expected a TPU topology, such as v5e:2x4, and its compiler: "
            f"pip install 'inception-jax[tpu]' ({reason})"
        ) from e
    return description.devices


def virtual() -> Sequence[Any]:
    """Returns the CPU devices, without claiming an accelerator."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    return jax.devices()
