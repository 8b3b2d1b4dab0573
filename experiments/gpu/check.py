"""Checks of a device, a process each: `python -m experiments.gpu.check PART WHO SETTINGS`.

`forms`: one step and the logits in this package's forms beside Flax's own layers, in float64.
`resume`: a run that is stopped and resumed beside one that is not, bit for bit.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from experiments.speed import parts
from inception_jax.errors import UserError

# Relative L2 distance above which a form computes something else. In float32 rounding alone moves
# Inception-v3's gradients by 0.03 on two images, through its BatchNorms; in float64 by 2e-13 (two
# CPU cores, jax 0.10.2).
BOUND = 1e-9
PAGE, SHORT = "configs/digits.py", ["--config.train.epochs=2", "--config.optim.warmup_epochs=0"]
DETERMINISTIC = "--xla_gpu_deterministic_ops=true"  # or sums in any order differ in the last bits


def forms(s: Any) -> dict[str, Any]:
    """Distances of loss, logits, gradients and statistics; an error above `BOUND`."""
    import jax
    import numpy as np

    from inception_jax.models.preprocess import predict
    from inception_jax.runtime import mesh

    made = {who: parts.program(s, who) for who in ("ours", "plain")}
    ours, rng = made["ours"], np.random.default_rng(0)
    shape = ours.empty_batch["image"].shape
    images, labels = rng.integers(0, 256, shape, np.uint8), rng.integers(0, 1000, shape[:1])
    batch = {"image": images, "label": labels.astype(np.int32)}
    batch = mesh.put(batch, mesh.batch(ours.mesh))
    found = {}
    for who, program in made.items():
        # Plain's kernels are a level deeper, in the same order.
        tree = jax.tree.structure(program.empty_state)
        start = jax.tree.unflatten(tree, jax.tree.leaves(ours.fresh_state()))
        logits = jax.jit(lambda v, x, m=program.model: predict(m, v, x))(start.variables, images)
        state, metrics = program.train_step(start, batch)
        found[who] = {  # after one step SGD's momentum is the gradient
            "loss": metrics["loss"], "logits": logits, "gradients": state.opt_state,
            "statistics": state.batch_stats,
        }  # fmt: skip
    a, b = (jax.device_get(found[who]) for who in ("ours", "plain"))
    far = {name: distance(jax.tree.leaves(a[name]), jax.tree.leaves(b[name])) for name in a}
    wrong = [f"{name}: {far[name]:.1e}" for name in far if not far[name] <= BOUND]
    error = {"error": f"differ by more than {BOUND:.0e}: {', '.join(wrong)}"} if wrong else {}
    return {"distances": far, **error}


def distance(ours: list[Any], theirs: list[Any]) -> float:
    """The L2 norm of the difference of float arrays over that of the second."""
    import numpy as np

    pairs = [
        (np.asarray(x, np.float64).ravel(), np.asarray(y, np.float64).ravel())
        for x, y in zip(ours, theirs, strict=True)
        if np.issubdtype(np.asarray(y).dtype, np.floating)
    ]
    x, y = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return float(np.linalg.norm(x - y) / np.linalg.norm(y))


def resume(s: Any) -> dict[str, Any]:
    """Trains on the digits, once stopped after its first step and once not."""
    from experiments.startup import seconds

    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {DETERMINISTIC}".strip()
    cache = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    program = [sys.executable, "-m", "inception_jax"]
    with tempfile.TemporaryDirectory() as name:
        whole, halves = Path(name, "whole"), Path(name, "halves")
        seconds(PAGE, halves, cache, SHORT)  # ends it with SIGTERM
        for folder in (whole, halves):
            command = [*program, "train", f"--config={PAGE}", f"--workdir={folder}", *SHORT]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows = [*program, "ckpt", "diff", str(whole), str(halves), "--json"]
        found = subprocess.run(rows, stdout=subprocess.PIPE, text=True)
        attempts = Path(halves, "attempts.jsonl").read_text().count('"event": "start"')
    differ = json.loads(found.stdout)
    error = {"error": f"{len(differ)} arrays differ: {differ[0]}"} if differ else {}
    return {"starts": attempts, "bit_identical": not differ, **error}


PARTS = {"forms": forms, "resume": resume}

if __name__ == "__main__":
    part, _, settings = sys.argv[1:]
    try:
        print(json.dumps(PARTS[part](SimpleNamespace(**json.loads(settings)))))
    except UserError as e:
        print(json.dumps({"error": str(e)}))
