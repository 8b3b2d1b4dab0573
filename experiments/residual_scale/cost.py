"""The cost of the monitors: CPU time of a step without and with them, interleaved.

python experiments/residual_scale/cost.py [--model=inception_resnet_v1] [--size=24] [--batch=64]
"""

import argparse
import statistics
import time
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from ml_collections import ConfigDict

from inception_jax import config as cfg
from inception_jax import models
from inception_jax.runtime import mesh as meshes
from inception_jax.train import augmentation, sharded_step, state

LOSS = ConfigDict(cfg.loss(label_smoothing=0.1, aux_weight=0.0, l2=4e-5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="inception_resnet_v1")
    parser.add_argument("--width", type=float, default=0.125)
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=30)
    o = parser.parse_args()
    model = models.create(o.model, width=o.width, stem="small", num_classes=10, aux=False)
    mesh, tx = meshes.make(1), optax.sgd(0.1, momentum=0.9)
    fresh = {"model": model, "tx": tx, "mesh": mesh, "image_size": o.size, "seed": 0, "ema": True}
    rng = np.random.default_rng(0)
    batch = {
        "image": rng.integers(0, 256, (o.batch, o.size, o.size, 3), dtype=np.uint8),
        "label": rng.integers(0, 10, o.batch, dtype=np.int32),
    }
    batch = meshes.put(batch, meshes.batch(mesh))
    section: Any = ConfigDict(cfg.augment())
    augment = partial(
        augmentation.augment, model=model, flip=True, colour="none",
        section=section, seed=0,
    )  # fmt: skip
    options = {"loss": LOSS, "augment": augment, "seed": 0}
    states, programs, seconds = {}, {}, {False: [], True: []}
    for monitors in (False, True):
        step = sharded_step.make_train_step(
            model, tx, lambda _: 0.1, mesh, **options, ema_decay=0.9, accumulate=1,
            monitors=monitors,
        )  # fmt: skip
        states[monitors] = state.create(**fresh)
        lowered, began = step.lower(states[monitors], batch), time.process_time()
        programs[monitors] = lowered.compile()
        print(f"monitors {monitors}: compiled in {time.process_time() - began:.1f} s of CPU")
    for _ in range(o.rounds):
        for monitors, times in seconds.items():
            began = time.process_time()  # of all threads: other work on the machine is not in it
            states[monitors], metrics = programs[monitors](states[monitors], batch)
            jax.block_until_ready(metrics)
            times.append(time.process_time() - began)
    without, with_them = (statistics.median(seconds[m]) for m in (False, True))
    ratios = sorted(b / a for a, b in zip(seconds[False], seconds[True], strict=True))
    low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
    print(
        f"{o.model}, width {o.width:g}, {o.batch} images of {o.size}: {1e3 * without:.0f} ms of "
        f"CPU a step without, {1e3 * with_them:.0f} ms with; ratio {statistics.median(ratios):.3f} "
        f"(quartiles {low:.3f} to {high:.3f}, {o.rounds} rounds)"
    )
    same = jax.tree.map(lambda a, b: bool((a == b).all()), states[False], states[True])
    print(f"states equal to the bit: {all(jax.tree.leaves(same))}")


if __name__ == "__main__":
    main()
