"""Published peak rates and memory of each TPU chip, and the names of slices."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from inception_jax.plan import hlo, tpu_schedule
from inception_jax.plan.schedule import Schedule

GIB = 2**30


class Tpu(NamedTuple):
    """One device as JAX counts them: a chip.

    Attributes:
        name: as in a topology, `v5e`.
        kind: JAX's `device_kind`.
        flops: multiplications and additions a second in bfloat16.
        memory: bytes.
        bandwidth: bytes a second between the chip and its memory.
        links: bytes a second to other chips, both directions of all links together.
        axes: dimensions of the torus that the links make.
        clock: cycles a second; None if it does not follow from the published figures.
        counts: unit of the number in a slice's name: v5litepod-16 has 16 chips, v4-16 has 8.
        source: of the figures.
    """

    name: str
    kind: str
    flops: float
    memory: int
    bandwidth: float
    links: float
    axes: int
    clock: float | None
    counts: str
    source: str

    # Of the compiler: pip's name of it, and what it reads from the environment. The metadata server
    # exists on TPU hosts only. No chip is claimed: several programs may compile at once.
    EXTRA = "tpu"
    ENVIRONMENT = (("TPU_SKIP_MDS_QUERY", "1"), ("ALLOW_MULTIPLE_LIBTPU_LOAD", "1"))
    NOTE = "the compiler's estimate, not measured on a chip"

    @property
    def usable(self) -> int:
        """Bytes of memory that a program may use."""
        return self.memory

    def compiler(self, name: str) -> dict[str, Any]:
        """Arguments of JAX's `get_topology_desc` for a slice or topology.

        Raises:
            ValueError: there is no slice of that size.
        """
        wanted = topology(self, name)
        options = {}
        if self.name == "v4":
            options["chip_config_name"] = "megacore"  # as on a v4 host: a device is a chip, no core
        if set(re.findall(r"\d+", wanted.split(":")[1])) == {"1"}:
            options["chips_per_host_bounds"] = [1, 1, 1]
        return {"platform": "tpu", "topology_name": wanted, **options}

    def network_s(self, kind: str, devices: int, size: int) -> float:
        """The shortest seconds of a collective of `size` bytes over a group of `devices`.

        All links are always busy; a sum passes them twice, as a scatter and a gather.
        """
        passes = 2 if kind == "all-reduce" else 1
        return passes * (1 - 1 / devices) * size / (self.links / 2)

    def schedule(
        self, module: hlo.HloModule, rows: Collection[str], cost: Mapping[str, float] | None
    ) -> Schedule:
        """The work of a program with these rows and the compiler's `cost_analysis()`."""
        return tpu_schedule.read(module, rows, cost or {}, self.clock)


def _clock(flops: float, units: int) -> float:
    """Clock of a chip with `units` matrix units of 128 x 128, each a multiply-add a cycle."""
    return flops / (2 * 128 * 128 * units)


# Google's pages give the peak, the memory and the links; the matrix units from which the clock
# follows are in the same tables. v6e's two of 256 x 256 would need 3.5 GHz: no clock is given.
TPUS = (
    Tpu("v4", "TPU v4", 275e12, 32 * GIB, 1200e9, 300e9, 3, _clock(275e12, 8), "cores",
         "cloud.google.com/tpu/docs/v4"),
    Tpu("v5e", "TPU v5 lite", 197e12, 16 * GIB, 819e9, 400e9, 2, _clock(197e12, 4), "chips",
         "cloud.google.com/tpu/docs/v5e"),
    Tpu("v5p", "TPU v5", 459e12, 95 * GIB, 2765e9, 1200e9, 3, _clock(459e12, 8), "cores",
         "cloud.google.com/tpu/docs/v5p"),
    Tpu("v6e", "TPU v6 lite", 918e12, 32 * GIB, 1638e9, 800e9, 2, None, "chips",
         "cloud.google.com/tpu/docs/v6e"),
)  # fmt: skip


def topology(tpu: Tpu, name: str) -> str:
    """Returns JAX's name of a topology, `v5e:4x4`, from that or from a slice's name, `v5e-16`.

    Raises:
        ValueError: there is no slice of that size.
    """
    if ":" in name:
        return name
    match = re.fullmatch(r"[a-z0-9]+-(\d+)", name)
    if not match:
        raise ValueError("expected a topology such as v5e:4x4 or v5e-16")
    count = int(match[1]) // (2 if tpu.counts == "cores" else 1)
    return f"{tpu.name}:{'x'.join(map(str, shape(count, tpu.axes)))}"


def shape(count: int, axes: int) -> tuple[int, ...]:
    """Returns the shape of a slice of `count` chips: powers of two, as square as possible.

    Raises:
        ValueError: `count` is not a power of two.
    """
    power = count.bit_length() - 1
    if count < 1 or count != 2**power:
        raise ValueError(f"expected a power of two of chips, got {count}")
    if axes == 3 and count <= 4:
        return {1: (1, 1, 1), 2: (1, 2, 1), 4: (2, 2, 1)}[count]
    return tuple(2 ** ((power + i) // axes) for i in range(axes))
