"""Measures one part in this process: `python -m experiments.speed.parts PART WHO SETTINGS`.

WHO is `ours`, `plain`, or what stands beside ours in that part. Prints one line of JSON. Modules
are imported where they are used: the memory of a process is one of its figures.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from experiments.speed.peers import WARM, rate, reading
from inception_jax.errors import UserError

Figures = dict[str, Any]


def config(s: Any, classes: int = 1000) -> Any:
    """A run with the settings: SGD with momentum, heads at 0.3, nothing else, on one device."""
    from inception_jax import config as cfg

    data = dict(source="digits", image_size=s.size, batch_size=s.batch, threads=os.cpu_count() or 1)
    net = dict(dialect=s.dialect, width=s.width, stem=s.stem, dtype=s.dtype, dropout=0.2)
    found = cfg.new(
        seed=0,
        data=cfg.source(classes=classes, interpolation="bicubic", **data),
        model=cfg.model(s.model, num_classes=classes, bn_group=0, bn_decay=0.9, **net),
        loss=dict(label_smoothing=0.0, aux_weight=0.3, l2=0.0),
        optim=cfg.sgd(schedule=cfg.cosine(lr=1e-3, warmup_epochs=0.0), momentum=0.9),
        ema=dict(decay=0.0),
        train=cfg.train(epochs=1.0),
        eval=dict(split="test", batch_size=s.batch, every_epochs=1.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(data=1),
        log=cfg.logs(every_steps=10),
    )
    cfg.validate(found)
    return found


def program(s: Any, who: str = "ours") -> Any:
    """The program of the settings, of our layers or of Flax's own; its shapes are known."""
    from experiments.speed.plain import plain
    from inception_jax import runtime
    from inception_jax.program import Program

    runtime.start(s.dtype)
    found = Program(config(s), images=1_281_167)  # ImageNet's; only a schedule counts them
    if who == "plain":
        found.model = plain(found.model)
    found.empty_state  # noqa: B018  # an image below the network's minimum is refused
    return found


def about(s: Any, who: str) -> Figures:
    """What all figures of one file must share."""
    from inception_jax.cluster import code_digest

    device = program(s).mesh.devices.flat[0]
    found = {n: metadata.version(n) for n in ("jax", "jaxlib", "flax", "optax", "numpy")}
    found |= {"backend": device.platform, "device": device.device_kind}
    return {"machine": found, "code": code_digest()}


def train(s: Any, who: str) -> Figures:
    """Images/s of the train step on one batch of random uint8 images."""
    made = program(s, who)
    state, batch = made.fresh_state(), random_batch(made)

    def step() -> Any:
        nonlocal state
        state, metrics = made.train_step(state, batch)
        return metrics

    return timed(step, s)


def evaluate(s: Any, who: str) -> Figures:
    """Images/s of the logits; ours has BatchNorm folded and XLA's options, as `predict` has."""
    import jax

    from inception_jax import compiler, models, steps

    made = program(s, who)
    variables, images = made.fresh_state().variables, random_batch(made)["image"]
    model, jit = made.model, jax.jit
    if who == "ours":
        jit = compiler.jit
        model, variables = models.fold(model, variables)
    variables = jax.device_put(variables)
    forward = jit(lambda variables, images: steps.predict(model, variables, images))
    return timed(lambda: forward(variables, images), s)


def timed(step: Callable[[], Any], s: Any) -> Figures:
    import jax

    found = rate(lambda: jax.block_until_ready(step()), s)
    return {"images_per_s": found, "device": jax.default_backend()}


def random_batch(made: Any) -> Any:
    import numpy as np

    from inception_jax import mesh as meshes

    shapes, rng = made.empty_batch, np.random.default_rng(0)
    images = rng.integers(0, 256, shapes["image"].shape, np.uint8)
    labels = rng.integers(0, 1000, shapes["label"].shape, np.int32)
    return meshes.put({"image": images, "label": labels}, meshes.batch(made.mesh))


def batches(s: Any) -> Any:
    """Training batches of the images below the folder, without end."""
    from inception_jax.data import pipeline
    from inception_jax.data.files import Files

    reader = pipeline.TrainReader(Files(Path(s.folder)), config(s).data, seed=0)
    return pipeline.batches(reader, s.batch, range(sys.maxsize), os.cpu_count() or 1)


def read(s: Any, who: str) -> Figures:
    """Images/s of the input alone, on all cores, by the host's clock; no device is used."""
    from inception_jax.data.threads import AHEAD

    return {"images_per_s": reading(batches(s), AHEAD + 1, s)}


def joined(s: Any, who: str) -> Figures:
    """Images/s of the train step with its input, or on one and the same batch of it.

    All the time counts, not the median step's: an input that is late now and then is late.
    """
    import jax

    from inception_jax.data.threads import AHEAD
    from inception_jax.input_bench import train_step

    step, found = train_step(program(s)), batches(s)
    if who != "ours":
        found = itertools.repeat(next(found))
    found = reading(map(step, found), AHEAD + WARM, s, steps=s.steps)
    return {"images_per_s": found, "device": jax.default_backend()}


def compile_step(s: Any, who: str) -> Figures:
    """Seconds to trace, lower and compile the train step, in this process."""
    made, began = program(s, who), time.perf_counter()
    made.compiled()
    return {"compile_s": time.perf_counter() - began}


def compile_twice(s: Any, who: str) -> Figures:
    """Compiles in a new process with an empty cache, and in another with the same cache.

    Of ours, the same for the command `train`, from its call to its first step, on the digits.
    """
    from experiments.startup import seconds, with_cache

    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), {}
        for key in ("cold_s", "warm_s"):
            words, env = command("compile_step", who, vars(s)), with_cache(folder / "cache")
            found[key] = json.loads(subprocess.check_output(words, env=env))["compile_s"]
        if who == "ours":
            page = folder / "page.py"
            tree = json.loads(config(s, classes=10).to_json())
            text = f"def get_config():\n    return cfg.new(**{tree!r})\n"
            page.write_text(f"from inception_jax import config as cfg\n\n\n{text}")
            for key in ("first_step_s", "first_step_again_s"):
                found[key] = seconds(page, folder / key, folder / "cache of train")
    return found


def checkpoint(s: Any, who: str) -> Figures:
    """Seconds to save and to restore the train state, or as many bytes in one plain file."""
    from experiments.checkpoints import speed as disk

    shapes = program(s).empty_state
    size = disk.size_of(shapes)
    with tempfile.TemporaryDirectory() as folder:
        if who == "ours":
            full = disk.filled(shapes)
            disk.ours(Path(folder) / "first", shapes, full)  # it compiles the copy, once in a run
            found = disk.ours(Path(folder) / "second", shapes, full)
        else:
            found = disk.raw(Path(folder) / "raw", size)
    return {"save_s": found["save"], "restore_s": found["restore"], "bytes": size}


PARTS = {
    "about": about, "train": train, "eval": evaluate, "input": read, "joined": joined,
    "compile": compile_twice, "compile_step": compile_step, "checkpoint": checkpoint,
}  # fmt: skip


def command(part: str, who: str, settings: dict[str, Any]) -> list[str]:
    """The command line that measures it in a process of its own."""
    words = [part, who, json.dumps(settings)]
    return [sys.executable, "-m", "experiments.speed.parts", *words]


if __name__ == "__main__":
    part, who, settings = sys.argv[1:]
    try:
        print(json.dumps(PARTS[part](SimpleNamespace(**json.loads(settings)), who)))
    except UserError as e:
        print(json.dumps({"error": str(e)}))
