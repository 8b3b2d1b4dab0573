"""Measures one part in this process: `python -m experiments.speed.parts PART WHO SETTINGS`.

WHO is `ours`, `plain`, `disk` or `step alone`. Each module is imported by the part that uses it:
the memory of the process is a figure.
"""

import itertools
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
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

    data: dict[str, Any] = dict(image_size=s.size, batch_size=s.batch)
    net: dict[str, Any] = dict(dialect=s.dialect, width=s.width, stem=s.stem, dtype=s.dtype)
    found = cfg.new(
        seed=0, ema=dict(decay=0.0), train=cfg.train(epochs=1.0), mesh=cfg.mesh(data=1),
        data=cfg.source(source="digits", classes=classes, interpolation="bicubic", **data),
        augment=cfg.augment(),
        model=cfg.model(s.model, num_classes=classes, dropout=0.2, bn_group=0, bn_decay=0.9, **net),
        loss=cfg.loss(label_smoothing=0.0, aux_weight=0.3, l2=0.0),
        optim=cfg.sgd(schedule=cfg.cosine(lr=1e-3, warmup_epochs=0.0), momentum=0.9),
        eval=cfg.evaluation(split="test", batch_size=s.batch, every_epochs=1.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0), log=cfg.logs(every_steps=10),
    )  # fmt: skip
    cfg.validate(found)
    return found


def program(s: Any, who: str = "ours") -> Any:
    """The program of the settings, of our layers or of Flax's own; its shapes are known."""
    from experiments.speed.plain import plain
    from inception_jax.runtime import startup
    from inception_jax.train.program import Program

    startup.start(s.dtype)
    found = Program(config(s), images=1_281_167)  # ImageNet's; only a schedule counts them
    if who == "plain":
        found.model = plain(found.model)
    found.empty_state  # noqa: B018  # an image below the network's minimum is refused
    return found


def about(s: Any, who: str, part: str) -> Figures:
    """What all figures of one file must share."""
    from inception_jax.runtime.distributed import code_digest

    device, linux = program(s).mesh.devices.flat[0], sys.platform == "linux"
    info = Path("/proc/cpuinfo").read_text() if linux else ""
    found = {
        "cpu": [*re.findall(r"model name\s*: (.+)", info), platform.machine()][0],
        "cores": len(os.sched_getaffinity(0)) if linux else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), "backend": device.platform,
        **{n: metadata.version(n) for n in ("jax", "jaxlib", "flax", "optax", "numpy")},
        "device": device.device_kind,
    }  # fmt: skip
    return {"machine": found, "code": code_digest()}


def steps(s: Any, who: str, part: str) -> Figures:
    """Images/s of the train step, or of the logits (ours as in `predict`), on one random batch."""
    import jax
    import numpy as np

    from inception_jax import models
    from inception_jax.models.preprocess import predict
    from inception_jax.runtime import mesh, xla_options

    made, rng = program(s, who), np.random.default_rng(0)
    images = rng.integers(0, 256, made.empty_batch["image"].shape, np.uint8)
    labels = rng.integers(0, 1000, made.empty_batch["label"].shape, np.int32)
    batch = mesh.put({"image": images, "label": labels}, mesh.batch(made.mesh))
    state, model, jit = made.fresh_state(), made.model, jax.jit

    def train() -> Any:
        nonlocal state
        state, metrics = made.train_step(state, batch)
        return metrics

    if part == "train":
        return {**rate(train, s, jax.block_until_ready), **on_device()}
    variables = state.variables
    if who == "ours":
        jit, (model, variables) = xla_options.jit, models.fold(model, variables)
    variables = jax.device_put(variables)
    forward = jit(lambda variables, images: predict(model, variables, images))
    found = rate(lambda: forward(variables, batch["image"]), s, jax.block_until_ready)
    return {**found, **on_device()}


def on_device() -> Figures:
    """The platform, and where it counts them the most bytes that its first device held."""
    import jax

    stats = jax.local_devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return {"device": jax.default_backend(), **({"device_peak_bytes": peak} if peak else {})}


def images(s: Any, who: str, part: str) -> Figures:
    """Images/s of the input, or of the train step with it or on one batch; all time counts."""
    from inception_jax.data import pipeline, readers
    from inception_jax.data.sources.files import Files

    data = config(s).data
    data.source = "folder"
    reader, chosen = pipeline.TrainReader(Files(Path(s.folder)), data, seed=0), readers.of(data)
    found = pipeline.batches(reader, s.batch, range(sys.maxsize), **chosen._asdict())
    if part == "input":  # no device is used
        return {"images_per_s": reading(found, pipeline.AHEAD + 1, s)}

    from inception_jax.cli.data_bench import _train_step as train_step

    step = train_step(program(s))
    found = map(step, found if who == "ours" else itertools.repeat(next(found)))
    taken = reading(found, pipeline.AHEAD + WARM, s, steps=s.steps * s.ahead)
    return {"images_per_s": taken, **on_device()}


def compile_step(s: Any, who: str, part: str) -> Figures:
    """Seconds to trace, lower and compile the train step, in this process."""
    made, began = program(s, who), time.perf_counter()
    made.compiled()
    return {"compile_s": time.perf_counter() - began}


def compile_twice(s: Any, who: str, part: str) -> Figures:
    """Compiles in two processes with one cache; ours runs `train` to its first step, twice too."""
    from experiments.startup import seconds, with_cache

    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), {}
        for key in ("cold_s", "warm_s"):
            words, env = command("compile_step", who, vars(s)), with_cache(folder / "cache")
            found[key] = json.loads(subprocess.check_output(words, env=env))["compile_s"]
        if who == "ours":
            page, tree = folder / "page.py", json.loads(config(s, classes=10).to_json())
            text = f"from inception_jax.config import new\nget_config = lambda: new(**{tree!r})\n"
            page.write_text(text)
            for key in ("first_step_s", "first_step_again_s"):
                found[key] = seconds(page, folder / key, folder / "cache of train")
    return found


def checkpoint(s: Any, who: str, part: str) -> Figures:
    """Seconds to save and to restore the train state, or as many bytes in one plain file."""
    from experiments.checkpoints import speed as disk

    shapes = program(s).empty_state
    size = disk.size_of(shapes)
    with tempfile.TemporaryDirectory() as folder:
        if who != "ours":
            found = disk.raw(Path(folder) / "raw", size)
        else:
            full = disk.filled(shapes)
            disk.ours(Path(folder) / "first", shapes, full)  # it compiles the copy, once in a run
            found = disk.ours(Path(folder) / "second", shapes, full)
    return {"save_s": found["save"], "restore_s": found["restore"], "bytes": size}


PARTS = {
    "about": about, "train": steps, "eval": steps, "input": images, "joined": images,
    "compile": compile_twice, "compile_step": compile_step, "checkpoint": checkpoint,
}  # fmt: skip


def command(part: str, who: str, settings: dict[str, Any]) -> list[str]:
    """The command line that measures it in a process of its own."""
    return [sys.executable, "-m", "experiments.speed.parts", part, who, json.dumps(settings)]


if __name__ == "__main__":
    part, who, settings = sys.argv[1:]
    try:
        print(json.dumps(PARTS[part](SimpleNamespace(**json.loads(settings)), who, part)))
    except UserError as e:
        print(json.dumps({"error": str(e)}))
