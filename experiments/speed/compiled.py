"""What each lowering of the step saves on a TPU or GPU, by its compiler; neither chip is needed.

    pip install -e '.[tpu]'     # or '.[cuda13]'
    python experiments/speed/compiled.py [--models=inception_v3] [--variants=plain,ours]
        [--topology=v5e-1] [--batch=128] [--out=compiled.jsonl]

Compiles the train step (SGD with momentum, uint8 images, bfloat16, BatchNorm over a chip's images)
of each network in each variant, each in a process of its own, and appends a JSON line for each:
bytes that instructions read and write, those of the chip's memory alone (on a GPU those of its
kernels, with and without cuDNN's), kernels, temporaries, the compiler's seconds, its own seconds.
`plain` is the network of Flax's own layers. Variants that the file has already are not compiled
again.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

CHOSEN = ("siblings", "deferred", "places", "blocks", "paired", "flat")  # of `forms.FORMS`
VARIANTS = {  # how the step differs from the default, and the forms that it has
    "plain": ("Flax's layers", ()),
    "plain 48": ("Flax's layers, train.vmem=48", ()),
    "as drawn": ("our layers: statistics in one pass, nothing merged or put off", ()),
    "siblings": ("as drawn, 1x1s of one input as one and before the average pool", CHOSEN[:1]),
    "deferred": ("as drawn, max-pools before normalisation and ReLU", CHOSEN[1:2]),
    "merged": ("as drawn with both", CHOSEN[:2]),
    "places": ("merged, with places remembered by max-pools", (*CHOSEN[:2], "places")),
    "blocks": ("merged, with blocks for few channels", (*CHOSEN[:2], "blocks")),
    "paired": ("merged, with BatchNorm's sums in pairs", (*CHOSEN[:2], "paired")),
    "flat": ("merged, with all parameters as one", (*CHOSEN[:2], "flat")),
    "ours": ("all that the platform has: the default", CHOSEN),
    "ours 48": ("ours, train.vmem=48", CHOSEN),
    "lean": ("ours, train.recompute=lean", CHOSEN),
    "lean 48": ("lean, train.vmem=48", CHOSEN),
    "rows": ("ours, train.recompute=rows", CHOSEN),
    "augmented": ("ours, with all that the device does to images and labels", CHOSEN),
}


def measure(model: str, variant: str, topology: str, batch: int) -> dict:
    """Compiles one variant in this process."""
    import jax
    from augmentation import ALL
    from plain import plain

    from inception_jax import plan
    from inception_jax.cli import pages
    from inception_jax.models.lowering import forms
    from inception_jax.plan import devices, hlo, kernels
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
    changes |= ALL if kind == "augmented" else {}
    with config.unlocked():
        config.update_from_flattened_dict(changes)
    program = Program(config, 1_281_167, found)
    if kind == "plain":
        program.model = plain(program.model)
    began = time.monotonic()
    with forms.without(*set(CHOSEN).difference(VARIANTS[variant][1])):
        compiled = program.compiled()
    seconds = time.monotonic() - began
    program.compiled = lambda: compiled
    made = plan.of(program)
    if "needed" in made:
        raise MemoryError(f"expected at most {made['capacity']} bytes, needed {made['needed']}")
    step, memory = made["step"], made["memory"]
    found = list(kernels.read(hlo.parse(compiled.as_text()), ())) if step["kernels"] else []
    return {
        "model": model,
        "variant": variant,
        "topology": topology,
        "batch": batch,
        "accessed_gb": step["accessed_bytes"] / 1e9,
        "memory_gb": step["memory_bytes"] / 1e9,
        "own_gb": sum(k.runs * k.bytes for k in found if not k.library) / 1e9,
        "kernels": sum(step["kernels"].values()),
        "scatters": step["kernels"].get("scatters", 0),
        "temporaries_gb": memory["temporaries"] / 1e9,
        "tflop": step["flops"] / 1e12,
        "optimal_ms": 1e3 * step["seconds"]["optimal"],
        "schedule_ms": 1e3 * (step["seconds"]["schedule"] or 0),
        "sent_mb": step["sent_bytes"] / 1e6,
        "params": sum(x.size for x in jax.tree.leaves(program.empty_state.params)),
        "compile_s": seconds,
        "all_s": time.monotonic() - began,
    }


def table(rows: list[dict]) -> str:
    """The lines as tables, one for TPUs and one for GPUs; ratios to `plain` in brackets."""
    columns = {
        "accessed, GB": "accessed_gb", "through memory, GB": "memory_gb",
        "without cuDNN's, GB": "own_gb", "kernels": "kernels", "scatters": "scatters",
        "temporaries, GB": "temporaries_gb", "least, ms": "optimal_ms",
        "expected, ms": "schedule_ms",
    }  # fmt: skip
    only = {"tpu": ("memory_gb",), "gpu": ("own_gb", "kernels", "scatters")}
    base = {(r["model"], r["topology"], r["batch"]): r for r in rows if r["variant"] == "plain"}
    tables = []
    for chip, other in (("tpu", "gpu"), ("gpu", "tpu")):
        shown = {k: v for k, v in columns.items() if v not in only[other]}
        lines = [f"| network | step | {' | '.join(shown)} | compiled in |", "|---" * len(shown)]
        lines[-1] += "|---|---|---|"
        for r in rows:
            if (r.get("kernels", 0) > 0) == (chip == "gpu"):
                plain = base.get((r["model"], r["topology"], r["batch"]), r)
                cells = [_cell(r[k], plain[k]) for k in shown.values()]
                lines.append(
                    f"| `{r['model']}` | {r['variant']} | {' | '.join(cells)} "
                    f"| {r['compile_s']:.0f} s |"
                )
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _cell(value: float, plain: float) -> str:
    number = f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
    return f"{number} ({value / plain:.2f})" if plain else number


def main() -> None:
    """Measures what is missing, then prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="inception_v3")
    parser.add_argument("--variants", default="plain,ours,lean")
    parser.add_argument("--topology", default="v5e-1")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", default="experiments/speed/compiled.jsonl")
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
