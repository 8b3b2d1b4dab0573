"""A GPU program's expected time, by a model of one kernel: the figures of one measured H100.

A kernel takes the longer of its arithmetic at the peak and its bytes at the memory's bandwidth,
divided by the efficiency of its kind, and a fixed time. `plan/README.md` has the calibration and
its errors.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from inception_jax.plan import hlo, kernels
from inception_jax.plan.kernels import Kernel
from inception_jax.plan.schedule import Schedule, shares

LAUNCH_S = 1e-6  # between kernels of one stream; assumed
NARROW = 32  # channels of a convolution, up to which cuDNN is slower
# Best seconds of a kind's kernels, less their launches, over those measured: Inception-v3's train
# step of 256 images in bfloat16 on one H100 (issue 18), compiled here by jax 0.10.2.
EFFICIENCY = {"convolutions": 0.61, "narrow": 0.17, "scatters": 0.25, "pools": 0.5, "sums": 0.6}
COPIED = 0.895  # of all others: 3.0 of 3.35 TB/s copied on the same card
SPREAD = 0.25  # of the expected time: above the largest error of three programs on that card


def read(module: hlo.HloModule, rows: Collection[str], flops: float, bandwidth: float) -> Schedule:
    """Reads the schedule of a program.

    Args:
        module: compiled for a GPU.
        rows: names of the network's rows and heads.
        flops: the GPU's multiplications and additions a second in bfloat16.
        bandwidth: bytes a second of its memory.
    """
    found = list(kernels.read(module, rows))
    best = {k.name: best_s(k, flops, bandwidth) for k in found}
    spent = {k.name: expected_s(k, best[k.name]) for k in found}
    by_row: dict[str, float] = defaultdict(float)
    by_kind: dict[str, float] = defaultdict(float)
    launched: Counter[str] = Counter()
    for k in found:
        by_row[k.row] += k.runs * spent[k.name]
        by_kind[k.kind] += k.runs * spent[k.name]
        launched[k.kind] += k.runs
    expected = sum(by_kind.values())
    work = sum(k.runs * k.flops for k in found)
    moved = sum(k.runs * k.bytes for k in found)
    again = sum(k.runs * k.flops for k in found if k.recomputed)
    return Schedule(
        flops=work,
        recomputed=again / work if work else 0.0,
        accessed_bytes=moved,
        memory_bytes=moved,
        optimal_s=sum(k.runs * best[k.name] for k in found),
        sequence_s=expected,
        span_s=((1 - SPREAD) * expected, (1 + SPREAD) * expected),
        unpriced=0,
        unscheduled=0,
        rows=shares(by_row),
        kinds=shares(by_kind),
        kernels=dict(launched.most_common()),
        overlaps=overlaps(itertools.chain(*module.computations.values()), spent),
    )


def best_s(kernel: Kernel, flops: float, bandwidth: float) -> float:
    """Seconds of a kernel at the GPU's peaks; 0 of a collective, which is the network's.

    32-bit products are rounded to TF32, at half of the 16-bit rate.
    """
    if kernel.kind == "collectives":
        return 0.0
    peak = flops if kernel.width <= 2 else flops / 2
    return max(kernel.flops / peak, kernel.bytes / bandwidth)


def expected_s(kernel: Kernel, best: float) -> float:
    """Seconds of a kernel whose best time is `best`, by the model."""
    narrow = kernel.kind == "convolutions" and kernel.channels <= NARROW
    efficiency = EFFICIENCY.get("narrow" if narrow else kernel.kind, COPIED)
    return best / efficiency + (LAUNCH_S if kernel.kind != "collectives" else 0.0)


def overlaps(instructions: Iterable[hlo.Instruction], spent: dict[str, float]) -> dict[str, float]:
    """By each asynchronous collective, the seconds of kernels between its start and its end.

    Of several under way the oldest has the kernel, so that none counts twice.
    """
    found: dict[str, float] = {}
    under_way: list[str] = []
    for i in instructions:
        if i.op.endswith("-start") and kernels.is_collective(i):
            found[i.name] = 0.0
            under_way.append(i.name)
        elif i.op.endswith("-done") and i.operands[0] in under_way:
            under_way.remove(i.operands[0])
        elif under_way:
            found[under_way[0]] += spent.get(i.name, 0.0)
    return found
