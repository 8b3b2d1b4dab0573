"""Estimate the time of a step and of the whole recipe from a compiled program."""

from collections.abc import Sequence
from typing import Any

import jax

from inception_jax.plan.chips import Chip
from inception_jax.plan.collectives import Collective
from inception_jax.plan.schedule import Schedule
from inception_jax.train.program import Program

# Numbers of devices for which data-parallel training is estimated, at the same batch for each.
SCALES = (8, 16, 32, 64, 128, 256)


def of(
    program: Program, chip: Chip, scheduled: Schedule, sent: Sequence[Collective]
) -> dict[str, Any]:
    """Returns the entries `chip`, `step`, `scaling`, `recipe`, `rows` and `kinds` of a plan.

    A step takes at least the longest of three times: arithmetic at the chip's peak, memory traffic
    at the memory's bandwidth, collectives at the links' bandwidth. The schedule has two more
    estimates: `optimal`, the sum of its instructions at their best, and `schedule`, what is
    expected of each, in sequence. Collectives lengthen a step by what no work beside them hides.
    Hardware utilisation counts all arithmetic, model utilisation (`mfu`) not what `train.recompute`
    repeats.
    """
    network, exposed = _network(chip, scheduled, sent)
    seconds = {
        "arithmetic": scheduled.flops / chip.flops,
        "memory": scheduled.memory_bytes / chip.bandwidth,
        "network": network,
        "exposed": exposed,
        "optimal": scheduled.optimal_s,
        "schedule": scheduled.sequence_s,
    }
    bounds = {k: seconds[k] for k in ("arithmetic", "memory", "network")}
    low = max(*bounds.values(), scheduled.span_s[0])
    high = max(low, scheduled.span_s[1]) + exposed
    batch = program.config.data.batch_size
    model_flops = scheduled.flops * (1 - scheduled.recomputed)
    return {
        "chip": {**chip._asdict(), "note": chip.NOTE},
        "step": {
            "flops": scheduled.flops,
            "model_flops": model_flops,
            "accessed_bytes": scheduled.accessed_bytes,
            "memory_bytes": scheduled.memory_bytes,
            "sent_bytes": sum(r.bytes * max(r.runs, 1) for r in sent),
            "kernels": scheduled.kernels,
            "seconds": seconds,
            "unpriced": scheduled.unpriced,
            "unscheduled": scheduled.unscheduled,
            "bound": max(bounds, key=bounds.__getitem__),
            "low_s": low,
            "high_s": high,
            "images_per_s": [batch / high, batch / low],
            "hardware_utilisation": [scheduled.flops / s / chip.flops for s in (high, low)],
            "mfu": [model_flops / s / chip.flops for s in (high, low)],
        },
        "scaling": _scaling(program, chip, scheduled, sent),
        "recipe": _recipe(program, low, high),
        "rows": scheduled.rows,
        "kinds": scheduled.kinds,
    }


def _network(
    chip: Chip, scheduled: Schedule, sent: Sequence[Collective], devices: int = 0
) -> tuple[float, float]:
    """Seconds of a step's collectives, and those that no work beside them hides.

    Args:
        chip: with the links.
        scheduled: the program, with the work beside each collective.
        sent: the program's collectives.
        devices: of the groups along `data`, if another number than the program has.
    """
    total = exposed = 0.0
    for row in sent:
        size = devices if devices and row.axis == "data" else row.devices
        spent = chip.network_s(row.kind, size, row.bytes)
        total += max(row.runs, 1) * spent
        exposed += max(row.runs, 1) * max(0.0, spent - scheduled.overlaps.get(row.name, 0.0))
    return total, exposed


def _scaling(
    program: Program, chip: Chip, scheduled: Schedule, sent: Sequence[Collective]
) -> list[dict[str, Any]]:
    """Data-parallel training on more devices; none for a program without its collectives."""
    model = program.mesh.shape["model"]
    each = program.config.data.batch_size // program.mesh.shape["data"]
    alone = scheduled.sequence_s or scheduled.optimal_s
    rows = []
    for count in SCALES if any(r.axis == "data" for r in sent) else ():
        network, exposed = _network(chip, scheduled, sent, count // model)
        rows.append(
            {
                "devices": count,
                "network_s": network,
                "exposed_s": exposed,
                "images_per_s": count // model * each / (alone + exposed),
                "efficiency": alone / (alone + exposed),
            }
        )
    return rows


def _recipe(program: Program, low: float, high: float) -> dict[str, Any]:
    """The whole training, by the shortest and the longest seconds of a step.

    The step is that of images of full size, whose memory decides whether it fits; one of smaller
    images (`train.sizes`) is taken to need a share of it, that of its pixels.
    """
    config, full = program.config, program.config.data.image_size
    work = sum((s.last - s.first + 1) * (s.size / full) ** 2 for s in program.stages)
    hours = [work * s / 3600 for s in (low, high)]
    return {
        "epochs": config.train.epochs,
        "images": round(program.per_epoch * config.data.batch_size),
        "steps": program.total,
        "smaller_steps": sum(s.last - s.first + 1 for s in program.stages if s.size < full),
        "hours": hours,
        "chip_hours": [program.mesh.size * h for h in hours],
        "checkpoint_bytes": sum(
            x.size * x.dtype.itemsize for x in jax.tree.leaves(program.empty_state)
        ),
    }
