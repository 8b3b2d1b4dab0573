"""From a compiled step to seconds: what bounds it, and what a whole recipe takes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from inception_jax.plan import chips
from inception_jax.plan.schedule import Schedule
from inception_jax.train.program import Program


def of(
    program: Program,
    chip: chips.Chip,
    cost: Mapping[str, float],
    read: Schedule,
    sent: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The entries `chip`, `step`, `recipe` and `rows` of a plan.

    A step takes at least the longest of three: its arithmetic at the chip's peak, its memory
    traffic at the memory's bandwidth, its collectives at the links'. The compiler's own figures are
    two, and neither has been compared with a chip here: `optimal`, the sum of its instructions at
    their best, and `schedule`, the cycles that it expects of each, one after the other.
    """
    count, config = program.mesh.size, program.config
    network = sum(chips.seconds(chip, row) for row in sent)
    optimal, unpriced = optimum(cost.get("optimal_seconds", 0.0))
    seconds = {
        "arithmetic": cost["flops"] / chip.flops,
        "memory": read.memory_bytes / chip.bandwidth,
        "network": network,
        "optimal": optimal,
        "schedule": read.cycles / chip.clock if chip.clock else None,
    }
    bounds = {k: seconds[k] for k in ("arithmetic", "memory", "network")}
    low = max(*bounds.values(), optimal)
    high = max(low, seconds["schedule"] or 0.0) + network
    batch, steps = config.data.batch_size, program.total
    rates = [batch / high, batch / low]
    hours = [steps * low / 3600, steps * high / 3600]
    return {
        "chip": chip._asdict(),
        "step": {
            "flops": cost["flops"],
            "accessed_bytes": cost["bytes accessed"],
            "memory_bytes": read.memory_bytes,
            "sent_bytes": sum(r["bytes"] for r in sent),
            "seconds": seconds,
            "unpriced": unpriced,
            "unscheduled": read.unpriced,
            "bound": max(bounds, key=bounds.__getitem__),
            "low_s": low,
            "high_s": high,
            "images_per_s": rates,
            "mfu": [cost["flops"] / s / chip.flops for s in (high, low)],
        },
        "recipe": {
            "epochs": config.train.epochs,
            "images": round(program.per_epoch * batch),
            "steps": steps,
            "hours": hours,
            "chip_hours": [count * h for h in hours],
            "checkpoint_bytes": sum(
                math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(program.empty_state)
            ),
        },
        "rows": read.rows,
        "kinds": read.kinds,
    }


def optimum(seconds: float) -> tuple[float, int]:
    """The compiler's `optimal_seconds` without the -1 that each unpriced instruction adds to it.

    Returns:
        The seconds, and how many there were. A step of a second or more cannot be told from one
        fewer, but then no sum of such a step has been seen to exceed it.
    """
    unpriced = math.ceil(-seconds) if seconds < 0 else 0
    return seconds + unpriced, unpriced
