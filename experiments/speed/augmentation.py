"""What mixup, CutMix, random erasing and mirroring cost inside the train step.

    python experiments/speed/augmentation.py bytes    # by the TPU's compiler (.[tpu]); no TPU
    python experiments/speed/augmentation.py cpu      # CPU time of the augmentation alone
    python experiments/speed/augmentation.py step [--page=configs/inception_v3.py] [--batch=8]

`bytes` compiles the augmentation of 128 images of 299 pixels with Inception-v3's first convolution
and its gradient, without and with each, and compares the bytes accessed with those of the whole
step in compiled.jsonl. `cpu` runs it on this machine's CPU. `step` takes whole train steps in turn,
with and without: the ratio of the least times of each. Each prints JSON lines.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

BATCH, SIZE = 128, 299
OFF = {"data.flip": False}
MIRRORED = {"data.flip": True}
ALL = {
    "data.flip": True, "augment.mixup": 0.2, "augment.cutmix": 1.0, "augment.mix_per": "image",
    "augment.erasing": 0.25, "augment.erasing_fill": "pixel",
    "loss.name": "binary_cross_entropy", "loss.target_threshold": 0.2,
}  # fmt: skip
CASES = {
    "off": OFF, "mirrored": MIRRORED, "mirrored in turn": {"augment.flips": "alternating"},
    "mixup": {"augment.mixup": 0.2},
    "mixup and CutMix": {"augment.mixup": 0.2, "augment.cutmix": 1.0},
    "erasing": {"augment.erasing": 0.25, "augment.erasing_fill": "pixel"}, "all": ALL,
}  # fmt: skip


def load(page: str, changes: dict):
    """The config of a page with changes, without distorted colours."""
    from inception_jax.cli import pages

    config = pages.load(page)
    with config.unlocked():
        config.update_from_flattened_dict({"data.colour": "none", **changes})
    return config


def first_layer(changes: dict, dtype: str):
    """The gradient of augmentation, convolution and ReLU by a kernel, and the augmentation."""
    import jax

    from inception_jax.models.from_config import build_model
    from inception_jax.train import augmentation

    config = load("configs/inception_v3.py", {"model.dtype": dtype, **changes})
    augment = augmentation.of(config, build_model(config.model, config.data.channels))

    def gradient(kernel, batch, step):
        batch = augment(batch, step)

        def loss(kernel):
            image, kernel = batch["image"].astype(dtype), kernel.astype(dtype)
            dims = ("NHWC", "HWIO", "NHWC")
            y = jax.lax.conv_general_dilated(image, kernel, (2, 2), "VALID", dimension_numbers=dims)
            return (jax.nn.relu(y) ** 2).mean().astype("float32")

        return jax.grad(loss)(kernel), batch["label"]

    return gradient, augment


def by_compiler(cases: list[str]) -> None:
    """Prints the bytes of each case, and what it adds to `off` as a share of the whole step's."""
    from inception_jax.plan import devices

    mesh_devices = devices.topology("v5e-1")
    import jax
    import jax.numpy as jnp

    from inception_jax.runtime import mesh as meshes

    rows = Path(__file__).with_name("compiled.jsonl").read_text().splitlines()
    key = {"model": "inception_v3", "variant": "ours", "topology": "v5e-1", "batch": BATCH}
    whole = next(r["accessed_gb"] for r in map(json.loads, rows) if key.items() <= r.items())
    mesh = meshes.make(1, 1, mesh_devices)
    shape = partial(jax.ShapeDtypeStruct, sharding=meshes.replicated(mesh))
    batch = {k: shape((BATCH,), jnp.int32) for k in ("label", "index", "epoch")}
    batch["image"] = shape((BATCH, SIZE, SIZE, 3), jnp.uint8)
    arguments = shape((3, 3, 3, 32), jnp.float32), batch, shape((), jnp.int32)
    base = None
    for name in cases:
        program = jax.jit(first_layer(CASES[name], "bfloat16")[0]).lower(*arguments).compile()
        found = (program.cost_analysis() or {})["bytes accessed"] / 1e9
        base = base or found
        share = (found - base) / whole
        print(json.dumps({"case": name, "accessed_gb": round(found, 3), "share": round(share, 4)}))


def on_cpu(cases: list[str], count: int = 16, rounds: int = 8) -> None:
    """Prints the CPU milliseconds an image takes: the least of `rounds`, the cases in turn."""
    import jax
    import numpy as np

    rng = np.random.default_rng(0)
    batch = {k: np.arange(count, dtype=np.int32) for k in ("label", "index", "epoch")}
    batch["image"] = rng.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
    programs = {name: jax.jit(first_layer(CASES[name], "float32")[1]) for name in cases}
    least = dict.fromkeys(cases, float("inf"))
    for i in range(rounds + 1):
        for name, program in programs.items():
            began = time.process_time()
            jax.block_until_ready(program(batch, i))
            if i:  # the first compiles
                least[name] = min(least[name], time.process_time() - began)
    for name, seconds in least.items():
        print(json.dumps({"case": name, "cpu_ms_an_image": round(1e3 * seconds / count, 3)}))


def of_step(page: str, count: int, rounds: int) -> None:
    """Prints the ratio of whole steps, all to mirrored: of CPU time and of wall time."""
    import jax
    import numpy as np

    from inception_jax.runtime import mesh as meshes
    from inception_jax.train import augmentation
    from inception_jax.train.program import Program

    runs = {}
    for name in ("mirrored", "all"):
        config = load(page, {"data.batch_size": count, "model.bn_group": 0, **CASES[name]})
        program, size = Program(config, 50_000, jax.devices()[:1]), config.data.image_size
        rng = np.random.default_rng(0)
        batch = {k: np.arange(count, dtype=np.int32) for k in augmentation.inputs(config.augment)}
        batch["image"] = rng.integers(0, 256, (count, size, size, 3), np.uint8)
        batch["label"] = rng.integers(0, config.data.classes, count).astype(np.int32)
        batch = meshes.put(batch, meshes.batch(program.mesh))
        runs[name] = [program.fresh_state(), program.train_step, batch]
    least = {name: [float("inf")] * 2 for name in runs}
    for i in range(rounds + 1):
        for name, run in runs.items():
            state, step, batch = run
            began = time.process_time(), time.perf_counter()
            run[0], metrics = step(state, batch)
            jax.block_until_ready((run[0], metrics))
            spent = time.process_time() - began[0], time.perf_counter() - began[1]
            if i:
                least[name] = [*map(min, least[name], spent)]
    cpu, wall = (b / a for a, b in zip(least["mirrored"], least["all"], strict=True))
    times = {k: [round(1e3 * s, 1) for s in v] for k, v in least.items()}
    print(json.dumps({"page": page, "batch": count, "cpu_and_wall_ms": times,
                      "ratio_cpu": round(cpu, 4), "ratio_wall": round(wall, 4)}))  # fmt: skip


def main() -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["bytes", "cpu", "step"])
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--page", default="configs/inception_v3.py")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=8)
    a = parser.parse_args()
    if a.what == "bytes":
        by_compiler(a.cases.split(","))
    elif a.what == "cpu":
        on_cpu(a.cases.split(","), rounds=a.rounds)
    else:
        of_step(a.page, a.batch, a.rounds)


if __name__ == "__main__":
    main()
