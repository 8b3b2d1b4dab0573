"""inception-jax plan --config=PAGE [--devices=N] [--topology=v5e:2x4] [--json]

What the page's train step needs of its devices: compiles the very step that `train` would run and
prints the bytes that one device holds, the compiler's temporaries, and the collectives by kind,
dtype, count and bytes. No array is allocated. The devices are N virtual ones of the CPU or, where
jax[tpu] is installed, a TPU topology; no TPU is needed. (The CPU's compiler sums 16 bits in 32 and
scatters by an all-reduce.)
"""  # noqa: D415

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("plan", __doc__ or "").page()
    flags.whole("devices", None, "so many devices (a topology's: all; else 1)", low=1)
    flags.text("topology", "", "a TPU's, as JAX names it: v5e:2x4")
    flags.switch("json", "print JSON")
    values = flags.parse(argv)
    config = flags.config()
    if not values.topology:
        _pretend(values.devices or 1)
    from inception_jax import runtime

    runtime.start(config.model.dtype)
    devices = _topology(values.topology) if values.topology else _virtual()
    if (values.devices or 1) > len(devices):
        raise ConfigError(f"--devices={values.devices}: expected at most {len(devices)}")
    from inception_jax import plan
    from inception_jax.job import Job

    found = plan.of(Job(config, devices[: values.devices]))
    print(json.dumps(found) if values.json else plan.text(found))


def _pretend(count: int) -> None:
    """Asks for virtual devices; they must be, before JAX is imported."""
    if "jax" not in sys.modules:
        flag = f"--xla_force_host_platform_device_count={count}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()


def _virtual() -> Sequence[Any]:
    import jax

    jax.config.update("jax_platforms", "cpu")  # no accelerator should be claimed, or waited for
    return jax.devices()


def _topology(name: str) -> Sequence[Any]:
    """The devices of a TPU topology, which need not be there.

    Raises:
        ConfigError: there is no TPU compiler, or it knows no such topology.
    """
    # Only the compiler is asked, not Google's metadata server, which answers on a TPU host alone.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    import jax

    jax.config.update("jax_platforms", "cpu")
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=name).devices
    except Exception as e:  # JAX's own, of several kinds
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise ConfigError(
            f"--topology={name}: expected a TPU topology, such as v5e:2x4, and its compiler: "
            f"pip install 'inception-jax[tpu]' ({reason})"
        ) from e
