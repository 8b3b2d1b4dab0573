"""Devices to compile for, which need not be there."""

import os
from collections.abc import Sequence
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.plan import chips


def topology(name: str) -> Sequence[Any]:
    """The devices of a TPU topology, `v5e:4x4`, or slice, `v5e-16`.

    Raises:
        ConfigError: there is no TPU compiler, or it knows no such topology.
    """
    # Only the compiler is asked, not Google's metadata server, which answers on a TPU host alone;
    # and no chip is claimed, so several may compile at a time.
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
        options["chip_config_name"] = "megacore"  # as a v4 host has it: a device is a whole chip
    if chips.cube(wanted) == 1:
        options["chips_per_host_bounds"] = [1, 1, 1]
    try:
        found = topologies.get_topology_desc(platform="tpu", topology_name=wanted, **options)
    except Exception as e:  # JAX's own, of several kinds
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise ConfigError(
            f"--topology={name}: expected a TPU topology, such as v5e:2x4, and its compiler: "
            f"pip install 'inception-jax[tpu]' ({reason})"
        ) from e
    return found.devices


def virtual() -> Sequence[Any]:
    """The CPU's; no accelerator should be claimed, or waited for."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    return jax.devices()
