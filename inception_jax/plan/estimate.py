"""Estimate the time of a step and of the whole recipe from a compiled program."""

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
    scheduled: Schedule,
    sent: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Returns the entries `chip`, `step`, `recipe`, `rows` and `kinds` of a plan.

    A step takes at least the longest of three times: arithmetic at the chip's peak, memory traffic
    at the memory's bandwidth, collectives at the links' bandwidth. The compiler has two more
    estimates, neither compared with a chip here: `optimal`, the sum of its instructions at their
    best, and `schedule`, the cycles that it expects of each, in sequence. Hardware utilisation
    counts all arithmetic, model utilisation (`mfu`) not what `train.recompute` repeats.
    """
    network = sum(chips.seconds(chip, row) for row in sent)
    optimal, unpriced = optimum(cost.get("optimal_seconds", 0.0))
    # The compiler's sums have a loop's body once, as of microbatches.
    optimal *= scheduled.repeats["cycles"]
    flops = cost["flops"] * scheduled.repeats["flops"]
    model_flops = flops * (1 - scheduled.recomputed)
    seconds = {
        "arithmetic": flops / chip.flops,
        "memory": scheduled.memory_bytes / chip.bandwidth,
        "network": network,
        "optimal": optimal,
        "schedule": scheduled.cycles / chip.clock if chip.clock else None,
    }
    bounds = {k: seconds[k] for k in ("arithmetic", "memory", "network")}
    low = max(*bounds.values(), optimal)
    high = max(low, seconds["schedule"] or 0.0) + network
    batch = program.config.data.batch_size
    rates = [batch / high, batch / low]
    return {
        "chip": chip._asdict(),
        "step": {
            "flops": flops,
            "model_flops": model_flops,
            "accessed_bytes": int(cost["bytes accessed"] * scheduled.repeats["bytes"]),
            "memory_bytes": scheduled.memory_bytes,
            "sent_bytes": sum(r["bytes"] for r in sent),
            "seconds": seconds,
            "unpriced": unpriced,
            "unscheduled": scheduled.unpriced,
            "bound": max(bounds, key=bounds.__getitem__),
            "low_s": low,
            "high_s": high,
            "images_per_s": rates,
            "hardware_utilisation": [flops / s / chip.flops for s in (high, low)],
            "mfu": [model_flops / s / chip.flops for s in (high, low)],
        },
        "recipe": _recipe(program, low, high),
        "rows": scheduled.rows,
        "kinds": scheduled.kinds,
    }


def _recipe(program: Program, low: float, high: float) -> dict[str, Any]:
    """The whole training, by the shortest and the longest seconds of a step."""
    config, hours = program.config, [program.total * s / 3600 for s in (low, high)]
    return {
        "epochs": config.train.epochs,
        "images": round(program.per_epoch * config.data.batch_size),
        "steps": program.total,
        "hours": hours,
        "chip_hours": [program.mesh.size * h for h in hours],
        "checkpoint_bytes": sum(
            x.size * x.dtype.itemsize for x in jax.tree.leaves(program.empty_state)
        ),
    }


def optimum(seconds: float) -> tuple[float, int]:
    """Corrects the compiler's `optimal_seconds`, to which each unpriced instruction adds -1.

    Returns:
        The seconds, and the number of unpriced instructions. Steps are assumed to be shorter than
        a second.
    """
    unpriced = math.ceil(-seconds) if seconds < 0 else 0
    return seconds + unpriced, unpriced
