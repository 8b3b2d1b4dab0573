"""Compare Inception-ResNet-v2's 39 repeated modules unrolled and scanned (`nn.scan`).

    python experiments/repeats.py [--size=299] [--batch=8] [--steps=5] [--topology=v5e:2x2]

Compiles one SGD train step of inception_v3 and of inception_resnet_v2 in both forms, each in its
own process and without the compilation cache, and times it. With --topology the TPU's compiler
compiles it for such a slice (`pip install 'jax[tpu]'`; no TPU needed), and does not run it.
Prints a line of JSON a variant: seconds to trace, seconds to compile, milliseconds a step.
"""

import argparse
import json
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
from flax import linen as nn

VARIANTS = ("inception_v3", "inception_resnet_v2", "inception_resnet_v2 scanned")


class Scanned(nn.Module):
    """`models.repeat.Repeat` as a scan: the same blocks, their parameters stacked on axis 0."""

    make: object
    count: int

    @nn.compact
    def __call__(self, x):
        """Maps `x` [b, h, w, c] to [b, h, w, c]."""

        def body(self, x, _):
            return self.make(name="block")(x), None

        scan = nn.scan(
            body,
            variable_axes={"params": 0, "batch_stats": 0},
            split_rngs={"params": True},
            length=self.count,
        )
        return scan(self, x, None)[0]


def measure(variant: str, size: int, batch: int, steps: int, topology: str) -> dict:
    """Traces, compiles and runs one variant."""
    from inception_jax import models
    from inception_jax.models.lowering import repeat

    name, _, form = variant.partition(" ")
    if form:
        repeat.Repeat = Scanned
    model = models.create(name, dropout=0.0, aux=False)
    image = jax.ShapeDtypeStruct((batch, size, size, 3), jnp.float32)
    label = jax.ShapeDtypeStruct((batch,), jnp.int32)
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((2, size, size, 3))))

    def step(variables, image, label):
        def loss(params):
            out, new = model.apply(
                {**variables, "params": params}, image, train=True, mutable=["batch_stats"]
            )
            picked = jnp.take_along_axis(out.logits, label[:, None], 1)[:, 0]
            return (jax.nn.logsumexp(out.logits, axis=-1) - picked).mean(), new["batch_stats"]

        grads, stats = jax.grad(loss, has_aux=True)(variables["params"])
        params = jax.tree.map(lambda p, g: p - 0.01 * g, variables["params"], grads)
        return {"params": params, "batch_stats": stats}

    args = (variables, image, label)
    if topology:
        from jax.experimental import topologies
        from jax.sharding import SingleDeviceSharding

        slice_ = topologies.get_topology_desc(platform="tpu", topology_name=topology)
        place = SingleDeviceSharding(slice_.devices[0])
        args = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=place), args)
    began = time.perf_counter()
    lowered = jax.jit(step, donate_argnums=0).lower(*args)
    traced = time.perf_counter()
    compiled = lowered.compile()
    memory = compiled.memory_analysis()
    assert memory is not None  # the compilers of CPU and TPU report it
    result = {
        "variant": variant,
        "trace_s": round(traced - began, 1),
        "compile_s": round(time.perf_counter() - traced, 1),
        "temporaries_gb": round(memory.temp_size_in_bytes / 1e9, 2),
    }
    if topology:
        return result
    state, *data = jax.tree.map(lambda a: jnp.full(a.shape, 0.01, a.dtype), args)
    times = []
    for _ in range(steps):
        began = time.perf_counter()
        state = jax.block_until_ready(compiled(state, *data))
        times.append(time.perf_counter() - began)
    return {**result, "step_ms": round(1e3 * min(times), 1)}


def main() -> None:
    """Measures every variant in its own process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--topology", default="")
    parser.add_argument("--variant", default="", help="measure this one, here")
    a = parser.parse_args()
    if a.variant:
        print(json.dumps(measure(a.variant, a.size, a.batch, a.steps, a.topology)), flush=True)
        return
    for variant in VARIANTS:
        subprocess.run([sys.executable, *sys.argv, f"--variant={variant}"], check=True)


if __name__ == "__main__":
    main()
