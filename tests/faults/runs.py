"""Start, observe and compare real training runs of one or two processes."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np

from inception_jax import checkpoint
from inception_jax.workdir import jsonl
from tests.conftest import FLAGS, ROOT
from tests.evaluated import WITHOUT

# With dropout, colour distortion and EMA, which all have state or randomness. 60 steps, a
# checkpoint every 5, an evaluation every 15: some seconds after compilation.
SMALL = (
    "--config=configs/digits.py:epochs=4.0,width=0.125",
    "--config.data.image_size=8",
    "--config.data.batch_size=96",
    "--config.data.colour=slim",
    "--config.data.flip=true",
    f"--config.model.drop_rows={WITHOUT}",
    "--config.model.dropout=0.3",
    "--config.optim.lr=0.02",
    "--config.checkpoint.every_epochs=0.3334",
    "--config.eval.every_epochs=1.0",
    "--config.log.every_steps=1",
    "--config.log.tensorboard=false",
)
# For what depends on the size: checkpoints that fill a disk, weights that grow without bound.
LARGER = f"--config.model.drop_rows={WITHOUT[:-1]}"
INTERVAL = 6  # steps between two checkpoints, at most


def port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(workdir, *more, devices=1, job=None, log="out", command="train", **env):
    """Start a process in the background; `job`: (port, processes, index) of one of several."""
    flags = f"{FLAGS} --xla_force_host_platform_device_count={devices}"
    flags += " --xla_backend_optimization_level=0"
    env = {**os.environ, "XLA_FLAGS": flags, **env}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    given = {word.split("=")[0] for word in more}  # a tuple's flag that is given twice adds up
    config = [w for w in SMALL if w.split("=")[0] not in given] if command == "train" else []
    words = [sys.executable, "-m", "tests.faults.shared_cache", command, *config, *more]
    if job:
        at, count, index = job
        words += [f"--coordinator=127.0.0.1:{at}", f"--processes={count}", f"--process={index}"]
        log = f"{log}.{index}"
    with Path(f"{workdir}.{log}").open("a") as out:
        return subprocess.Popen(
            [*words, f"--workdir={workdir}"], env=env, cwd=ROOT, stdout=out, stderr=out
        )


def pair(workdir, *more, devices=1, **env):
    """Start the two processes of a job, with a heartbeat of 10 seconds."""
    at = port()
    more = ("--heartbeat=10", "--patience=60", *more)
    return [start(workdir, *more, devices=devices, job=(at, 2, i), **env) for i in range(2)]


def output(workdir, index=None, log="out"):
    """What a process has printed, in all attempts."""
    return Path(f"{workdir}.{log}" + ("" if index is None else f".{index}")).read_text()


def exit_codes(processes, seconds=300):
    """Wait for all processes; their exit codes."""
    end = time.monotonic() + seconds
    try:
        return [p.wait(max(0.1, end - time.monotonic())) for p in processes]
    finally:
        for p in processes:
            p.kill()


def finish(workdir, *more, processes=1, **options):
    """Run to the end; every exit code must be 0."""
    started = (
        [start(workdir, *more, **options)] if processes == 1 else pair(workdir, *more, **options)
    )
    codes = exit_codes(started)
    logs = [p.read_text()[-3000:] for p in workdir.parent.glob(f"{workdir.name}.out*")]
    assert set(codes) == {0}, (codes, *logs)


def lines(workdir):
    """The lines of metrics.jsonl without values that depend on the clock."""
    clock = ("time", "images_per_s", "input_wait")
    return [
        {k: v for k, v in line.items() if k not in clock}
        for line in jsonl.read(workdir / "metrics.jsonl")
    ]


def losses(workdir):
    """The training loss by step."""
    return {x["step"]: x["loss"] for x in lines(workdir) if x["split"] == "train"}


def counts(workdir):
    """Step and integer counts of each evaluation."""
    keys = ("step", "top1", "top5", "count")
    return [
        tuple(round(x[k] * (x["count"] if k.startswith("top") else 1)) for k in keys)
        for x in lines(workdir)
        if x["split"] == "test"
    ]


def weights(workdir):
    """The newest step and its weights, as bytes by name."""
    step, tree = checkpoint.load(workdir)
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return step, {jax.tree_util.keystr(p): np.asarray(x).tobytes() for p, x in leaves}


def attempts(workdir):
    """The (start step, end step, exit code) of each attempt; a killed one has only a start."""
    found = []
    for event in jsonl.read(workdir / "attempts.jsonl"):
        if event["event"] == "start":
            found.append((event["step"], None, None))
        elif event["event"] == "end":
            found[-1] = (found[-1][0], event["step"], event["code"])
    return found


def newest(workdir):
    """The last step in metrics.jsonl; -1 without one."""
    return max((x["step"] for x in jsonl.read(workdir / "metrics.jsonl")), default=-1)


def wait_until(true, processes=(), seconds=180):
    """Wait until `true()`, or until a process has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true() or any(p.poll() is not None for p in processes):
            return
        time.sleep(0.01)
    raise AssertionError(f"nothing after {seconds} s")


def wait_for_step(workdir, step, processes=()):
    """Wait until metrics.jsonl has reached a step, or until a process has ended."""
    wait_until(lambda: newest(workdir) >= step, processes)
