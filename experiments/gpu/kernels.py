"""Where a train step's time goes: milliseconds and kernels of each kind, by the profiler.

python -m experiments.gpu.kernels SETTINGS [FOLDER]
"""

import gzip
import json
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STEPS = 5
# The first that matches the operation's name in XLA's program decides, else the kernel's name. XLA
# names a fusion by its root: input_reduce_fusion_3, loop_maximum_select_fusion.
KINDS = {
    "convolution": r"conv(?!ert)|cudnn|xmma|cutlass|implicit_gemm|wgrad|dgrad|fprop",
    "matrix product": r"gemm|cublas|nvjet|^dot",
    "scatter": r"scatter",
    "max-pool": r"reduce.window|max.?pool",
    "reduction": r"reduce",
    "concatenation": r"concatenate",
    "ReLU": r"maximum",
    "sum": r"add",
    "copy": r"copy|transpose|memcpy|memset|pad|slice|broadcast",
}


def kind(operation: str, kernel: str = "") -> str:
    """The kind of an operation."""
    for text in (operation, kernel):
        for name, pattern in KINDS.items():
            if text and re.search(pattern, text, re.IGNORECASE):
                return name
    return "other"


def count(trace: dict[str, Any], steps: int) -> dict[str, dict[str, float]]:
    """Milliseconds and kernels a step by kind, the longest first, of a trace in Chrome's format.

    Of the GPUs' streams; where there are none, of a CPU, the events with an operation of XLA.
    """
    events = trace["traceEvents"]
    streams = {
        (e["pid"], e["tid"])
        for e in events
        if e.get("name") == "thread_name" and e["args"]["name"].startswith("Stream")
    }
    ran = [e for e in events if e.get("ph") == "X"]
    gpu = [e for e in ran if (e["pid"], e.get("tid")) in streams]
    found: dict[str, dict[str, float]] = defaultdict(lambda: {"ms": 0.0, "kernels": 0.0})
    for event in gpu or [e for e in ran if "hlo_op" in e.get("args", {})]:
        # A kernel of a CUDA graph has no operation; XLA names its own as their operations.
        row = found[kind(event.get("args", {}).get("hlo_op", ""), event["name"])]
        row["ms"] += event["dur"] / 1e3 / steps
        row["kernels"] += 1 / steps
    return dict(sorted(found.items(), key=lambda item: -item[1]["ms"]))


def measure(s: Any, folder: Path) -> dict[str, Any]:
    """Traces some train steps into `folder`, and counts."""
    import jax
    import numpy as np

    from experiments.speed import parts
    from inception_jax.runtime import mesh

    made, rng = parts.program(s), np.random.default_rng(0)
    images = rng.integers(0, 256, made.empty_batch["image"].shape, np.uint8)
    batch = {"image": images, "label": np.zeros(len(images), np.int32)}
    state, batch = made.fresh_state(), mesh.put(batch, mesh.batch(made.mesh))
    for traced in (False, True):  # compiled and warm before the trace
        if traced:
            jax.profiler.start_trace(str(folder))
        for _ in range(STEPS):
            state, metrics = made.train_step(state, batch)
        jax.block_until_ready(metrics)
    jax.profiler.stop_trace()
    kinds = count(read(folder), STEPS)
    total = {f"total_{x}": sum(row[x] for row in kinds.values()) for x in ("ms", "kernels")}
    return {"kinds": kinds, **total, **parts.on_device()}


def read(folder: Path) -> dict[str, Any]:
    """The newest trace below a folder."""
    newest = max(folder.rglob("*.trace.json.gz"), key=lambda path: path.stat().st_mtime)
    return json.loads(gzip.decompress(newest.read_bytes()))


if __name__ == "__main__":
    settings, *kept = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(*kept or [scratch])
        print(json.dumps(measure(SimpleNamespace(**json.loads(settings)), folder)))
