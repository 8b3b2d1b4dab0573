"""One measurement of ours in this process: `python -m inception_jax.bench.measure PART WHO ...`.

WHO is `ours`, `plain`, or what stands beside ours in that part. Prints one line of JSON.
"""

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inception_jax.bench import settings as settings_of
from inception_jax.bench.settings import Settings
from inception_jax.bench.startup import seconds, with_cache
from inception_jax.errors import UserError
from inception_jax.models import preprocess

WARM = 2  # steps that are not timed: the compiler, and the first use of everything
Figures = dict[str, Any]


def program(settings: Settings, who: str) -> Any:
    """The program of the settings, in our form or in Flax's own layers.

    Raises:
        ConfigError: there is no such network.
    """
    from inception_jax.runtime import startup
    from inception_jax.train.program import Program

    config = settings.config()
    startup.start(config.model.dtype)
    found = Program(config, images=1_281_167)  # ImageNet's; only a schedule counts them
    if who == "plain":
        from inception_jax.bench.plain import plain

        found.model = plain(found.model)
    return found


def about(settings: Settings, who: str) -> Figures:
    """What runs here; refuses settings that make no network."""
    made = program(settings, who)
    made.empty_state  # noqa: B018  # an image below the network's minimum is refused
    device = made.mesh.devices.flat[0]
    return {"backend": device.platform, "device": device.device_kind}


def train(settings: Settings, who: str) -> Figures:
    """Images/s of the train step on one batch of random uint8 images."""
    made = program(settings, who)
    state, batch = made.fresh_state(), random_batch(made)

    def step() -> Any:
        nonlocal state
        state, metrics = made.train_step(state, batch)
        return metrics

    return rate(step, settings)


def evaluate(settings: Settings, who: str) -> Figures:
    """Images/s of the logits; ours has BatchNorm folded and the compiler told, as `predict` has."""
    import jax

    from inception_jax import models
    from inception_jax.runtime import xla_options

    made = program(settings, who)
    variables, images = made.fresh_state().variables, random_batch(made)["image"]
    model, jit = made.model, jax.jit
    if who == "ours":
        jit = xla_options.jit
        model, variables = models.fold(model, variables)
    variables = jax.device_put(variables)
    forward = jit(lambda variables, images: preprocess.predict(model, variables, images))
    return rate(lambda: forward(variables, images), settings)


def rate(step: Callable[[], Any], settings: Settings) -> Figures:
    """Images/s by the median of the timed steps, each waited for."""
    import jax

    times = []
    for _ in range(WARM + settings.steps):
        began = time.perf_counter()
        jax.block_until_ready(step())
        times.append(time.perf_counter() - began)
    return {"images_per_s": settings.batch / statistics.median(times[WARM:]), "device": backend()}


def backend() -> str:
    """`cpu`, `gpu` or `tpu`."""
    import jax

    return jax.default_backend()


def random_batch(made: Any) -> Any:
    """Images and labels on the device."""
    import numpy as np

    from inception_jax.runtime import mesh as meshes

    shapes, rng = made.empty_batch, np.random.default_rng(0)
    rows = {
        "image": rng.integers(0, 256, shapes["image"].shape, np.uint8),
        "label": rng.integers(0, settings_of.CLASSES, shapes["label"].shape, np.int32),
    }
    return meshes.put(rows, meshes.batch(made.mesh))


def batches(settings: Settings) -> Any:
    """Training batches of the images below the folder, without end."""
    from inception_jax.data import pipeline
    from inception_jax.data.sources.files import Files

    data = settings.config().data
    reader = pipeline.TrainReader(Files(Path(settings.folder)), data, seed=0)
    return pipeline.batches(reader, data.batch_size, range(sys.maxsize), data.threads)


def read(settings: Settings, who: str) -> Figures:
    """Images/s of the input alone, on all cores, by the host's clock; no device is used."""
    del who  # ours; the peers' are scripts
    from inception_jax.data.threads import AHEAD

    settings = settings.reading
    found, count = batches(settings), 0
    for _ in range(AHEAD + 1):  # those that were begun before the clock
        next(found)
    began = time.perf_counter()
    while (taken := time.perf_counter() - began) < settings.seconds:
        next(found)
        count += 1
    return {"images_per_s": count * settings.batch / taken}


def joined(settings: Settings, who: str) -> Figures:
    """Images/s of the train step with its input, or on one and the same batch of it.

    All the time counts, not the median step's: an input that is late now and then is late.
    """
    from inception_jax.cli.data_bench import _train_step as train_step
    from inception_jax.data.threads import AHEAD

    made = program(settings, who)
    step, found = train_step(made), batches(settings)
    if who != "ours":
        found = itertools.repeat(next(found))
    for _ in range(AHEAD + WARM):
        step(next(found))
    began = time.perf_counter()
    for _ in range(settings.steps):
        step(next(found))
    seconds = time.perf_counter() - began
    return {"images_per_s": settings.steps * settings.batch / seconds, "device": backend()}


def compile_step(settings: Settings, who: str) -> Figures:
    """Seconds to trace, lower and compile the train step, in this process."""
    made = program(settings, who)
    made.empty_state  # noqa: B018  # shapes, which are no part of it
    began = time.perf_counter()
    made.compiled()
    return {"compile_s": time.perf_counter() - began}


def compile_twice(settings: Settings, who: str) -> Figures:
    """Compiles in a fresh process with an empty cache, and in another with what that left.

    Of ours, the same for the command `train`, from its call to its first step.
    """
    with tempfile.TemporaryDirectory() as folder:
        cache, found = Path(folder) / "cache", {}
        for key in ("cold_s", "warm_s"):
            words = command("compile_step", who, settings)
            done = subprocess.run(words, env=with_cache(cache), stdout=subprocess.PIPE, check=True)
            found[key] = json.loads(done.stdout.splitlines()[-1])["compile_s"]
        if who == "ours":
            page, cache = Path(folder) / "page.py", Path(folder) / "cache of train"
            page.write_text(settings.page())
            for key in ("first_step_s", "first_step_again_s"):
                found[key] = seconds(page, Path(folder) / key, cache)
    return found


def checkpoint(settings: Settings, who: str) -> Figures:
    """Seconds to save and to restore the train state, or as many bytes without anything."""
    from inception_jax.bench import disk

    shapes = program(settings, "ours").empty_state
    size = disk.size_of(shapes)
    with tempfile.TemporaryDirectory(prefix="inception-jax-bench-") as folder:
        place = Path(folder) / who
        if who == "ours":
            full = disk.filled(shapes)
            disk.ours(place / "first", shapes, full)  # it compiles the copy, once in a run
            found = disk.ours(place / "second", shapes, full)
        else:
            found = disk.raw(place, size)
    return {**found, "bytes": size}


PARTS = {
    "about": about, "train": train, "eval": evaluate, "input": read, "joined": joined,
    "compile": compile_twice, "compile_step": compile_step, "checkpoint": checkpoint,
}  # fmt: skip


def command(part: str, who: str, settings: Settings) -> list[str]:
    """The command line that measures it in a process of its own."""
    words = [part, who, json.dumps(vars(settings))]
    return [sys.executable, "-m", "inception_jax.bench.measure", *words]


def main(argv: list[str]) -> int:
    """Measures, prints, and returns the exit code."""
    part, who, given = argv
    try:
        print(json.dumps(PARTS[part](settings_of.of(json.loads(given)), who)))
    except UserError as e:
        print(settings_of.as_flags(str(e)), file=sys.stderr)
        return e.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
