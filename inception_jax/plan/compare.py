"""Vary one config value at a time, and find the Pareto frontier of rate and memory."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from inception_jax.config import Config, flatten
from inception_jax.models.lowering import remat
from inception_jax.plan.text import size


class Change(NamedTuple):
    """A variation of a config.

    Attributes:
        name: of the axis.
        values: by key, `{"train.recompute": "lean"}`; empty for the unchanged config.
    """

    name: str
    values: dict[str, Any]

    def __str__(self) -> str:
        return " ".join(f"{k}={v}" for k, v in self.values.items()) or "unchanged"


# By axis, the values to try, of a config and its images on one device.
AXES: dict[str, Callable[[Config, int], list[dict[str, Any]]]] = {
    "dtype": lambda c, images: [{"model.dtype": d} for d in ("bfloat16", "float32")],
    "batch": lambda c, images: [
        {"data.batch_size": b}
        for b in (c.data.batch_size // 2, c.data.batch_size, 2 * c.data.batch_size)
    ],
    "recompute": lambda c, images: [{"train.recompute": r} for r in remat.POLICIES],
    # The papers' 32 images, those of a device, all.
    "bn_group": lambda c, images: [{"model.bn_group": g} for g in (32, images, 0)],
    # ZeRO-1; large parameters sharded over two devices.
    "sharding": lambda c, images: [{"mesh.zero": True}, {"mesh.model": 2}],
    # On-chip memory that a fusion may use, in MiB.
    "vmem": lambda c, images: [{"train.vmem": m} for m in (0, 32, 48)],
}
TPU_ONLY = ("vmem",)


def axes(platform: str) -> list[str]:
    """The names of `AXES` that devices of a platform have."""
    return [a for a in AXES if platform == "tpu" or a not in TPU_ONLY]


def changes(config: Config, images: int, axes: list[str]) -> Iterator[tuple[Change, Config]]:
    """Yields each variation and its config, the unchanged one first.

    Args:
        config: the base; it is not modified.
        images: batch of one device.
        axes: names of `AXES`.
    """
    yield Change("", {}), config
    flat = dict(flatten(config))
    for axis in axes:
        for values in AXES[axis](config, images):
            if all(flat[k] == v for k, v in values.items()):
                continue
            changed = copy.deepcopy(config)
            with changed.unlocked():
                changed.update_from_flattened_dict(values)
            yield Change(axis, values), changed


def frontier(rows: list[dict[str, Any]]) -> list[bool]:
    """Returns for each plan whether no other has a rate as high and memory as low."""
    points = [
        (r["step"]["images_per_s"][0], -r["memory"]["total"]) if "step" in r else None for r in rows
    ]

    def beaten(p: tuple[float, int], q: tuple[float, int] | None) -> bool:
        return q is not None and q != p and q[0] >= p[0] and q[1] >= p[1]

    return [p is not None and not any(beaten(p, q) for q in points) for p in points]


def text(names: list[str], rows: list[dict[str, Any]]) -> str:
    """Formats a comparison, one variation a line; `*` marks the frontier."""
    wide = max(map(len, names))
    lines = [
        f"  {'':{wide}} {'memory':>9} {'accessed':>9} {'traffic':>9} {'step, ms':>15} "
        f"{'images/s':>17}"
    ]
    for name, row, best in zip(names, rows, frontier(rows), strict=True):
        mark = "*" if best else " "
        if "step" not in row:
            lines.append(f"{mark} {name:{wide}} {row['error']}")
            continue
        step = row["step"]
        span = f"{1e3 * step['low_s']:,.0f} to {1e3 * step['high_s']:,.0f}"
        rates = "{:,.0f} to {:,.0f}".format(*step["images_per_s"])
        lines.append(
            f"{mark} {name:{wide}} {size(row['memory']['total']):>9} "
            f"{size(step['accessed_bytes']):>9} {size(step['memory_bytes']):>9} {span:>15} "
            f"{rates:>17}"
        )
    return "\n".join(
        [*lines, "", "* no other row is both faster and smaller. memory: peak of one device;",
         "accessed: read and written by instructions; traffic: of the device's main memory alone."]
    )  # fmt: skip
