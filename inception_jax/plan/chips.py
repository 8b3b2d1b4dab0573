"""Published peak rates and memory of each TPU chip, and the names of slices."""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

GIB = 2**30


class Chip(NamedTuple):
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


def _clock(flops: float, units: int) -> float:
    """Clock of a chip with `units` matrix units of 128 x 128, each a multiply-add a cycle."""
    return flops / (2 * 128 * 128 * units)


# Google's pages give the peak, the memory and the links; the matrix units from which the clock
# follows are in the same tables. v6e's two of 256 x 256 would need 3.5 GHz: no clock is given.
CHIPS = (
    Chip("v4", "TPU v4", 275e12, 32 * GIB, 1200e9, 300e9, 3, _clock(275e12, 8), "cores",
         "cloud.google.com/tpu/docs/v4"),
    Chip("v5e", "TPU v5 lite", 197e12, 16 * GIB, 819e9, 400e9, 2, _clock(197e12, 4), "chips",
         "cloud.google.com/tpu/docs/v5e"),
    Chip("v5p", "TPU v5", 459e12, 95 * GIB, 2765e9, 1200e9, 3, _clock(459e12, 8), "cores",
         "cloud.google.com/tpu/docs/v5p"),
    Chip("v6e", "TPU v6 lite", 918e12, 32 * GIB, 1638e9, 800e9, 2, None, "chips",
         "cloud.google.com/tpu/docs/v6e"),
)  # fmt: skip


def of_kind(kind: str) -> Chip | None:
    """Finds the chip of a JAX device kind; None if it is not in the table."""
    return next((c for c in CHIPS if c.kind == kind), None)


def named(name: str) -> Chip | None:
    """Finds the chip of a topology or slice: `v5e:4x4`, `v5litepod-16`, `v4-32`."""
    version = re.split(r"[:-]", name)[0].removesuffix("litepod")
    version = "v5e" if version == "v5" and "litepod" in name else version
    return next((c for c in CHIPS if c.name == version), None)


def topology(name: str) -> str:
    """Returns JAX's name of a topology, `v5e:4x4`, from that or from a slice's name, `v5e-16`.

    Raises:
        ValueError: unknown chip, or no slice of that size.
    """
    chip = named(name)
    if chip is None:
        known = ", ".join(c.name for c in CHIPS)
        raise ValueError(f"expected a topology of {known}, such as v5e:4x4 or v5e-16")
    if ":" in name:
        return name
    match = re.fullmatch(r"[a-z0-9]+-(\d+)", name)
    if not match:
        raise ValueError("expected a topology such as v5e:4x4 or v5e-16")
    count = int(match[1]) // (2 if chip.counts == "cores" else 1)
    return f"{chip.name}:{'x'.join(map(str, shape(count, chip.axes)))}"


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


def seconds(chip: Chip, row: Mapping[str, Any]) -> float:
    """Returns the shortest time for the collectives of a row of `collectives.totals`.

    All links are always busy; a sum passes them twice, as a scatter and a gather.
    """
    passes = 2 if row["kind"] == "all-reduce" else 1
    return passes * (1 - 1 / row["devices"]) * row["bytes"] / (chip.links / 2)


def count(name: str) -> int:
    """Returns the number of chips of a topology, `v5e:4x4`."""
    return math.prod(map(int, name.split(":")[1].split("x")))
