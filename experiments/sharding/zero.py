"""Memory and time of ZeRO-1 on 8 devices, and the rounding error of a 16-bit gradient sum.

    python experiments/sharding/zero.py bytes             # of every network, by shapes
    python experiments/sharding/zero.py time [--rounds=12] [--steps=5]
    python experiments/sharding/zero.py reduce

`time`: steps of a page's network on 8 virtual CPU devices, replicated and with `mesh.zero`, in
rounds of changing order, so that a slow spell of the machine falls on both; the figure is the
median over rounds of the ratio, with its 95% interval. `reduce`: the gradient of 8 devices' parts
of a batch added up in float32, in bfloat16 after which it is rounded once (as the CPU's compiler
does) and in bfloat16 one device after another (the most roundings a ring could make). Errors are
relative to the float64 sum of the same parts: the norm of the difference over the norm, by leaf.
Prints JSON lines.
"""

import argparse
import json
import os
import time
from functools import partial

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from inception_jax import models
from inception_jax.cli import pages
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from inception_jax.train import augmentation, optim, sharded_step, state, train_step

PAGE = "configs/cifar10.py"
TX = optim.tf_rmsprop(0.01, decay=0.9, momentum=0.9, eps=1.0)


def spread() -> None:
    """Bytes of the optimiser's state and the averages on one of 8 devices, with and without."""
    for name in models.names():
        model = models.create(name)
        shapes = state.abstract(
            model=model, tx=TX, mesh=meshes.make(8), zero=True,
            image_size=model.preprocessing.image_size, seed=0, ema=True,
        )  # fmt: skip
        kept = jax.tree.leaves((shapes.opt_state, shapes.ema))
        whole = sum(x.size * x.dtype.itemsize for x in kept)
        part = sum(int(np.prod(x.sharding.shard_shape(x.shape))) * x.dtype.itemsize for x in kept)
        print(json.dumps({"network": name, "whole": whole, "part": part, "ratio": whole / part}))


class Way:
    """A train step with a state of its own, on 8 devices."""

    def __init__(self, model, size: int, images: int, zero: bool):
        mesh = meshes.make(8)
        self.state = state.create(
            model=model, tx=TX, mesh=mesh, image_size=size, seed=0, ema=True, zero=zero
        )
        page = pages.load(PAGE)
        augment = partial(
            augmentation.augment, model=model, flip=True, colour="none", section=page.augment,
            seed=0,
        )  # fmt: skip
        self.step = sharded_step.make_train_step(
            model, TX, lambda s: 0.01, mesh, loss=page.loss, augment=augment, seed=0,
            ema_decay=0.99, accumulate=1, zero=zero,
        )  # fmt: skip
        rng = np.random.default_rng(0)
        rows = {
            "image": rng.integers(0, 256, (images, size, size, 3), np.uint8),
            "label": rng.integers(0, 10, images, np.int32),
        }
        self.batch = meshes.put(rows, meshes.batch(mesh))

    def seconds(self, count: int) -> float:
        """Seconds a step."""
        began = time.perf_counter()
        for _ in range(count):
            self.state, _ = self.step(self.state, self.batch)
        jax.block_until_ready(self.state)
        return (time.perf_counter() - began) / count


def interval(values, draws: int = 10_000) -> list[float]:
    """The 95% bootstrap interval of the median."""
    picks = np.random.default_rng(0).choice(values, (draws, len(values)))
    return np.percentile(np.median(picks, axis=1), (2.5, 97.5)).round(4).tolist()


def timed(rounds: int, count: int, images: int) -> None:
    """Replicated against spread."""
    model = models.create("inception_v3", stem="small", width=0.5, num_classes=10, bn_group=8)
    ways = [Way(model, 32, images, zero) for zero in (False, True)]
    for way in ways:
        way.seconds(2)  # compiles
    ratios, plain = [], []
    for i in range(rounds):
        order = (0, 1) if i % 2 else (1, 0)
        found = {k: ways[k].seconds(count) for k in order}
        ratios.append(found[1] / found[0])
        plain.append(found[0])
    print(json.dumps({
        "rounds": rounds, "images": images, "step_s": round(float(np.median(plain)), 3),
        "ratio": round(float(np.median(ratios)), 4), "interval": interval(ratios),
    }))  # fmt: skip


def reduced(images: int = 128) -> None:
    """Errors of the sum."""
    from inception_jax.train.losses import objective

    model = models.create("inception_v3", stem="small", width=0.5, num_classes=10, bn_group=16)
    one = state.create(model=model, tx=TX, mesh=meshes.make(1), image_size=32, seed=0, ema=False)
    minimise = partial(objective, smoothing=0.1, aux_weight=0.4, weight_of_l2=0.0, l2_biases=False)
    rng = np.random.default_rng(0)
    gradient = jax.jit(partial(train_step.gradient, model, minimise))
    parts = []
    for i in range(8):
        rows = rng.integers(0, 256, (images // 8, 32, 32, 3), np.uint8)
        labels = jnp.asarray(rng.integers(0, 10, images // 8, np.int32))
        batch = {"image": preprocess.as_input(jnp.asarray(rows), model), "label": labels}
        grads, _ = gradient(one, batch, jax.random.key(i))
        parts.append([np.asarray(g) for g in jax.tree.leaves(grads)])
    bfloat16 = ml_dtypes.bfloat16

    def ring(gs):
        total = gs[0].astype(bfloat16)
        for g in gs[1:]:
            total = (total.astype(np.float32) + g.astype(bfloat16).astype(np.float32)).astype(
                bfloat16
            )
        return total

    sums = {
        "float32": lambda gs: np.sum(gs, axis=0, dtype=np.float32),
        "bfloat16, rounded once": lambda gs: np.sum(
            [g.astype(bfloat16).astype(np.float32) for g in gs], axis=0
        ).astype(bfloat16),
        "bfloat16, one after another": ring,
    }
    for name, add in sums.items():
        errors, all_d, all_n = [], 0.0, 0.0
        for leaf in zip(*parts, strict=True):
            true = np.sum([g.astype(np.float64) for g in leaf], axis=0)
            d, n = np.linalg.norm(add(list(leaf)).astype(np.float64) - true), np.linalg.norm(true)
            errors.append(d / max(n, 1e-30))
            all_d, all_n = all_d + d**2, all_n + n**2
        found = {"sum": name, "whole": float((all_d / all_n) ** 0.5)}
        found |= {"median_leaf": float(np.median(errors)), "worst_leaf": float(np.max(errors))}
        print(json.dumps(found))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["bytes", "time", "reduce"])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--images", type=int, default=64)
    a = parser.parse_args()
    if a.what == "time":
        timed(a.rounds, a.steps, a.images)
    else:
        spread() if a.what == "bytes" else reduced()


if __name__ == "__main__":
    main()
