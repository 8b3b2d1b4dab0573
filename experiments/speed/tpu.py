"""What each lowering of the step saves on a TPU or GPU, by their compilers; neither is needed.

    pip install -e '.[tpu]'         # or cuda13, with --topology=h100-1
    python experiments/speed/tpu.py [--models=inception_v3] [--variants=plain,ours,lean]
        [--topology=v5e-1] [--batch=128] [--out=tpu.jsonl]

Compiles the train step (SGD with momentum, uint8 images, bfloat16, BatchNorm over a chip's images)
of each network in each variant, each in a process of its own, and appends a JSON line for each:
bytes that instructions read and write, those of the chip's memory alone, temporaries, the
compiler's seconds, its own seconds. `plain` is the network of Flax's own layers. Variants that the
file has already are not compiled again.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

FORMS = {
    "plain": "Flax's layers",
    "plain 48": "Flax's layers, train.vmem=48",
    "as drawn": "our layers: statistics in one pass, nothing merged or put off",
    "siblings": "as drawn, 1x1s of one input as one and before the average pool",
    "deferred": "as drawn, max-pools before normalisation and ReLU",
    "ours": "both: the default",
    "ours 48": "ours, train.vmem=48",
    "lean": "ours, train.recompute=lean",
    "lean 48": "lean, train.vmem=48",
    "rows": "ours, train.recompute=rows",
}
OFF = {"as drawn": ("siblings", "deferred"), "siblings": ("deferred",), "deferred": ("siblings",)}


def measure(model: str, variant: str, topology: str, batch: int) -> dict:
    """Compiles one variant in this process."""
    import jax
    from plain import plain

    from inception_jax import plan
    from inception_jax.cli import pages
    from inception_jax.models.lowering import forms
    from inception_jax.plan import devices
    from inception_jax.train.program import Program

    config = pages.load("configs/inception_v3.py")
    found = devices.topology(topology)
    kind, _, vmem = variant.partition(" ")
    recompute = kind if kind in ("lean", "rows") else "none"
    changes = {
        "model.name": model, "model.dtype": "bfloat16",
        "model.bn_group": batch if len(found) > 1 else 0,  # Flax's layer knows no groups
        "data.batch_size": batch * len(found), "train.recompute": recompute,
        "train.vmem": int(vmem) if vmem.isdigit() else 0,
        "optim.name": "sgd", "optim.clip": 0.0, "ema.decay": 0.0, "data.colour": "none",
    }  # fmt: skip
    with config.unlocked():
        config.update_from_flattened_dict(changes)
    program = Program(config, 1_281_167, found)
    if kind == "plain":
        program.model = plain(program.model)
    began = time.monotonic()
    with forms.without(*OFF[variant]) if variant in OFF else nullcontext():
        made = plan.of(program)
    if "needed" in made:
        raise MemoryError(f"expected at most {made['capacity']} bytes, needed {made['needed']}")
    step, memory = made["step"], made["memory"]
    return {
        "model": model,
        "variant": variant,
        "topology": topology,
        "batch": batch,
        "accessed_gb": step["accessed_bytes"] / 1e9,
        "memory_gb": step["memory_bytes"] / 1e9,
        "temporaries_gb": memory["temporaries"] / 1e9,
        "tflop": step["flops"] / 1e12,
        "optimal_ms": 1e3 * step["seconds"]["optimal"],
        "schedule_ms": 1e3 * (step["seconds"]["schedule"] or 0),
        "sent_mb": step["sent_bytes"] / 1e6,
        "params": sum(x.size for x in jax.tree.leaves(program.empty_state.params)),
        "compile_s": made["compile_s"],
        "all_s": time.monotonic() - began,
    }


def table(rows: list[dict]) -> str:
    """The lines as a table, ratios to `plain` in brackets."""
    base = {(r["model"], r["topology"], r["batch"]): r for r in rows if r["variant"] == "plain"}
    lines = [
        "| network | step | accessed, GB | through memory, GB | temporaries, GB | least, ms "
        "| schedule, ms | compiled in |",
        "|---|---|---|---|---|---|---|---|",
    ]
    keys = ("accessed_gb", "memory_gb", "temporaries_gb", "optimal_ms", "schedule_ms")
    for r in rows:
        plain = base.get((r["model"], r["topology"], r["batch"]), r)
        cells = [f"{r[k]:.3g} ({r[k] / plain[k]:.2f})" for k in keys]
        lines.append(
            f"| `{r['model']}` | {r['variant']} | {' | '.join(cells)} | {r['compile_s']:.0f} s |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures what is missing, then prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="inception_v3")
    parser.add_argument("--variants", default="plain,ours,lean")
    parser.add_argument("--topology", default="v5e-1")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", default="experiments/speed/tpu.jsonl")
    parser.add_argument("--only", action="store_true", help="measure one variant, here")
    a = parser.parse_args()
    if a.only:
        print(json.dumps(measure(a.models, a.variants, a.topology, a.batch)))
        return
    out = Path(a.out)
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    had = {(r["model"], r["variant"], r["topology"], r["batch"]) for r in rows}
    for model in a.models.split(","):
        for variant in a.variants.split(","):
            if (model, variant, a.topology, a.batch) in had:
                continue
            words = [sys.executable, __file__, "--only", f"--models={model}"]
            words += [f"--variants={variant}", f"--topology={a.topology}", f"--batch={a.batch}"]
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
            line = done.stdout.splitlines()[-1]
            rows.append(json.loads(line))
            with out.open("a") as f:
                f.write(line + "\n")
            print(line, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
