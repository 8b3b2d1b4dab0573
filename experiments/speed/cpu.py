"""A step on this CPU: ours beside plain Flax and, where a Python that has it is given, torch.

    python experiments/speed/cpu.py [--mode=train] [--batch=8] [--rounds=3] [--torch=PYTHON]
        [--script=../shared/peers/step_torch.py]

Inception-v3, 299 pixels, float32, SGD with momentum on random images; evaluation with BatchNorm
folded. Each in a process of its own, in turn. Prints a JSON line a run, then the median of the
rounds' ratios and their range, and the most memory a process had.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any


def measure(form: str, mode: str, batch: int, steps: int) -> dict[str, Any]:
    """One variant, in this process: images/s, seconds to compile, bytes."""
    import jax
    import jax.numpy as jnp
    import optax

    from inception_jax import models
    from inception_jax.bench.plain import plain

    model = models.create("inception_v3")
    model = plain(model) if form == "plain" else model
    images = jax.random.normal(jax.random.key(0), (batch, 299, 299, 3))
    labels = jnp.arange(batch)
    variables = jax.jit(model.init)(jax.random.key(0), images[:1])
    tx = optax.sgd(1e-3, momentum=0.9)

    def step(variables: Any, slots: Any) -> tuple[Any, Any]:
        def loss(params: Any) -> tuple[Any, Any]:
            out, new = model.apply(
                {**variables, "params": params}, images, train=True, mutable=["batch_stats"],
                rngs={"dropout": jax.random.key(1)},
            )  # fmt: skip
            terms = [
                optax.softmax_cross_entropy_with_integer_labels(x, labels).mean()
                for x in (out.logits, *out.aux.values())
            ]
            return terms[0] + 0.3 * sum(terms[1:]), new["batch_stats"]

        grads, stats = jax.grad(loss, has_aux=True)(variables["params"])
        updates, slots = tx.update(grads, slots, variables["params"])
        params = optax.apply_updates(variables["params"], updates)
        return {"params": params, "batch_stats": stats}, slots

    if mode == "eval":
        if form == "ours":
            model, variables = models.fold(model, variables)
        run = jax.jit(lambda v, slots: (v, slots, model.apply(v, images).logits))
        state: Any = (jax.device_put(variables), None)
    else:
        run, state = jax.jit(step, donate_argnums=(0, 1)), (variables, tx.init(variables["params"]))
    began = time.perf_counter()
    run = run.lower(*state).compile()
    compiled = time.perf_counter() - began
    times = []
    for _ in range(steps + 2):
        began = time.perf_counter()
        state = jax.block_until_ready(run(*state))[:2]
        times.append(time.perf_counter() - began)
    return {
        "form": form,
        "images_per_s": batch / statistics.median(times[2:]),
        "compile_s": compiled,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def main() -> None:
    """Measures in turn, then prints the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["train", "eval"], default="train")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--torch", default="", help="a Python that has torch")
    parser.add_argument("--script", default="../shared/peers/step_torch.py")
    parser.add_argument("--only", default="", choices=["", "ours", "plain"])
    a = parser.parse_args()
    if a.only:
        print(json.dumps(measure(a.only, a.mode, a.batch, a.steps)))
        return
    words = [f"--mode={a.mode}", f"--batch={a.batch}", f"--steps={a.steps}"]
    commands = {f: [sys.executable, __file__, f"--only={f}", *words] for f in ("ours", "plain")}
    if a.torch:
        commands["torch"] = [a.torch, a.script, "inception_v3", *words]
    env = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "JAX_PLATFORMS": "cpu"}
    env["PYTHONPATH"] = os.getcwd()
    rounds = []
    for _ in range(a.rounds):
        found = {}
        for name, command in commands.items():
            out = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
            print(out.stdout.splitlines()[-1], flush=True)
            found[name] = json.loads(out.stdout.splitlines()[-1])["images_per_s"]
        rounds.append(found)
    for peer in list(commands)[1:]:
        ratios = sorted(r["ours"] / r[peer] for r in rounds)
        print(f"{a.mode}: {statistics.median(ratios):.2f} times {peer} "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
