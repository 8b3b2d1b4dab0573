"""The same step with one thing changed at a time, and which of them nothing else beats."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from inception_jax.plan.text import size


class Change(NamedTuple):
    """A variation of a config.

    Attributes:
        name: of the axis.
        values: by key, `{"train.recompute": "lean"}`; none for the config as it is.
    """

    name: str
    values: dict[str, Any]

    def __str__(self) -> str:
        return " ".join(f"{k}={v}" for k, v in self.values.items()) or "as it is"


def dtypes(c: Any, images: int) -> list[dict[str, Any]]:
    """Half and full precision."""
    return [{"model.dtype": d} for d in ("bfloat16", "float32")]


def batches(c: Any, images: int) -> list[dict[str, Any]]:
    """Half and twice the images."""
    whole = c.data.batch_size
    return [{"data.batch_size": b} for b in (whole // 2, whole, 2 * whole)]


def recomputed(c: Any, images: int) -> list[dict[str, Any]]:
    """What is kept for the backward pass."""
    return [{"train.recompute": r} for r in ("none", "lean", "rows")]


def groups(c: Any, images: int) -> list[dict[str, Any]]:
    """BatchNorm over the papers' 32 images, a device's, all."""
    return [{"model.bn_group": g} for g in (32, images, 0)]


def sharding(c: Any, images: int) -> list[dict[str, Any]]:
    """The optimiser on every device or spread over them; large parameters over two."""
    return [{"mesh.zero": True}, {"mesh.model": 2}]


def fast_memory(c: Any, images: int) -> list[dict[str, Any]]:
    """How much of the chip's own memory a fusion may have, in MiB."""
    return [{"train.vmem": m} for m in (0, 32, 48)]


AXES: dict[str, Callable[[Any, int], list[dict[str, Any]]]] = {
    "dtype": dtypes, "batch": batches, "recompute": recomputed, "bn_group": groups,
    "sharding": sharding, "vmem": fast_memory,
}  # fmt: skip


def changes(config: Any, images: int, axes: list[str]) -> Iterator[tuple[Change, Any]]:
    """Each variation and its config: first the config as it is, then one thing changed.

    Args:
        config: the base, which stays as it is.
        images: of one device.
        axes: names of `AXES`.
    """
    yield Change("", {}), config
    flat = {
        f"{s}.{k}": v for s in config if hasattr(config[s], "items") for k, v in config[s].items()
    }
    for axis in axes:
        for values in AXES[axis](config, images):
            if all(flat[k] == v for k, v in values.items()):
                continue
            changed = copy.deepcopy(config)
            with changed.unlocked():
                changed.update_from_flattened_dict(values)
            yield Change(axis, values), changed


def frontier(rows: list[dict[str, Any]]) -> list[bool]:
    """For each plan whether none has both a higher rate and less memory."""
    points = [
        (r["step"]["images_per_s"][0], -r["memory"]["total"]) if "step" in r else None for r in rows
    ]

    def beaten(p: tuple[float, int], q: tuple[float, int] | None) -> bool:
        return q is not None and q != p and q[0] >= p[0] and q[1] >= p[1]

    return [p is not None and not any(beaten(p, q) for q in points) for p in points]


def text(names: list[str], rows: list[dict[str, Any]]) -> str:
    """The comparison for people: a line a variation, the frontier's marked."""
    wide = max(map(len, names))
    lines = [
        f"  {'':{wide}} {'memory':>9} {'accessed':>9} {'through':>9} {'step, ms':>15} "
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
        [*lines, "", "* nothing here is both faster and smaller. memory: of one device, at most;",
         "accessed: all that instructions read and write; through: of the device's memory alone."]
    )  # fmt: skip
