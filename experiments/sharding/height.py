"""Is it worth sharding images by height? Cost estimates of the TPU compiler; no TPU is needed.

    python experiments/sharding/height.py [--network=inception_v3] [--end=mixed_5b] [--size=299]

The gradient of a network's first rows, 4 images on 4 devices of a v5e:2x4, on all 8 with each
image's upper and lower half on two of them, and 8 images on 8. One JSON line each: the compiler's
temporaries and multiply-adds of one device, and the collectives.
"""

import argparse
import json
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from inception_jax import models
from inception_jax.plan import collectives, hlo


def compiled(model, end: str, size: int, images: int, mesh: Mesh, split: bool):
    """The gradient's program."""
    whole = NamedSharding(mesh, PartitionSpec())
    place = NamedSharding(mesh, PartitionSpec("data", "model" if split else None))
    shapes = jax.eval_shape(lambda: models.init(model, image_size=size))
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=whole), shapes)

    def loss(params, rest, x):
        x = jax.lax.with_sharding_constraint(x, place)
        out, _ = model.apply(
            {**rest, "params": params}, x, train=True, endpoints=True, mutable=["batch_stats"],
            rngs={"dropout": jax.random.key(0)},
        )  # fmt: skip
        return jnp.square(out.endpoints[end].astype(jnp.float32)).mean()

    rest = {k: v for k, v in shapes.items() if k != "params"}
    flat = NamedSharding(mesh, PartitionSpec("data"))
    x = jax.ShapeDtypeStruct((images, size, size, 3), jnp.float32, sharding=flat)
    return jax.jit(jax.grad(loss)).lower(shapes["params"], rest, x).compile()


def main() -> None:
    """Compiles and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="inception_v3")
    parser.add_argument("--end", default="mixed_5b")
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--width", type=float, default=0.25)
    a = parser.parse_args()
    devices = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x4").devices
    model = models.create(a.network, width=a.width, bn_group=1, dtype="bfloat16", aux=False)
    for images, data, ways in ((4, 4, 1), (4, 4, 2), (8, 8, 1)):
        began = time.monotonic()
        mesh = Mesh(np.asarray(devices[: data * ways]).reshape(data, ways), ("data", "model"))
        program = compiled(model, a.end, a.size, images, mesh, ways > 1)
        text, memory, cost = program.as_text(), program.memory_analysis(), program.cost_analysis()
        assert text and memory and cost  # the TPU compiler gives all three
        rows = collectives.totals(collectives.read(hlo.parse(text), mesh))
        found = {
            **vars(a), "images": images, "mesh": [data, ways],
            "temporaries": memory.temp_size_in_bytes,
            "flops": cost["flops"], "bytes_accessed": cost["bytes accessed"],
            "seconds_to_compile": round(time.monotonic() - began),
            "collectives": [
                [r["kind"], r["dtype"], r["axis"], r["count"], r["bytes"]] for r in rows
            ],
        }  # fmt: skip
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
