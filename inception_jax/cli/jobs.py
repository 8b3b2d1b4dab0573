"""Shared by `launch` and `sweep`: engines, their flags, and the files of submitted jobs."""

import importlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, did_you_mean
from inception_jax.launch import ENGINES, slurm
from inception_jax.launch.spec import Flag, JobSpec, valid_name, with_nccl
from inception_jax.workdir import atomic, jsonl, run_dir

FIELDS = ("nodes", "processes", "gpus", "preemptions", "crashes", "setup")  # of every JobSpec
ADDRESS = ("--coordinator", "--processes", "--process", "--distributed")  # set by the engine


def engine(name: str) -> Any:
    """The module of an engine."""
    module = name.replace("-", "_")
    if module not in ENGINES:
        hint = did_you_mean(module, ENGINES)
        raise ConfigError(f"engine {name!r}: expected one of {', '.join(ENGINES)}{hint}")
    return importlib.import_module(f"inception_jax.launch.{module}")


def declare(flags: Flags, wanted: tuple[Flag, ...]) -> Flags:
    """Declares an engine's flags."""
    for flag in wanted:
        if isinstance(flag.default, bool):
            flags.switch(flag.name, flag.help)
        elif isinstance(flag.default, int):
            flags.whole(flag.name, flag.default, flag.help, low=flag.low)
        else:
            flags.text(flag.name, flag.default, flag.help)
    return flags


def spec(
    engine: Any, values: Any, commands: tuple[tuple[str, ...], ...], folder: Path, **more: Any
) -> JobSpec:
    """The JobSpec of commands with the values of an engine's flags."""
    given = {flag.name: getattr(values, flag.name) for flag in engine.FLAGS}
    name = given.pop("name") or valid_name(folder.absolute().name)
    fields = {key: given.pop(key) for key in FIELDS if key in given}
    fields["setup"] = with_nccl(fields["setup"], os.environ)
    return JobSpec(commands, folder, name, **fields, **more, options=given)


def command(words: list[str], spec_devices: int) -> Path:
    """Checks the command of a job as `train` would; returns its workdir.

    The job has `spec_devices` accelerators over all machines; 0 if unknown.
    """
    if words[:1] != ["train"]:
        example = "-- train --config=configs/inception_v3.py --workdir=runs/v3"
        got = words[0] if words else "nothing"
        raise ConfigError(f"expected the command to run after --, {example}; got {got}")
    for word in words:
        if word.partition("=")[0] in ADDRESS:
            raise ConfigError(f"{word}: set by the engine; leave it out")
    from inception_jax.cli import train

    flags = train.flags()
    values = flags.parse(words[1:])
    config = flags.config()
    if not values.workdir:
        raise ConfigError("expected --workdir=DIR in the command after --, to resume from")
    devices = spec_devices if config.mesh.data == -1 else config.mesh.data * config.mesh.model
    if spec_devices and devices != spec_devices:
        raise ConfigError(
            f"--config.mesh.data={config.mesh.data} x --config.mesh.model={config.mesh.model}: the "
            f"job has {spec_devices} devices; ask for as many, or give --config.mesh.data=-1"
        )
    if spec_devices and config.data.batch_size % (devices // config.mesh.model or 1):
        raise ConfigError(
            f"--config.data.batch_size={config.data.batch_size}: expected a multiple of the job's "
            f"{devices // config.mesh.model} devices of the data axis"
        )
    workdir = Path(values.workdir)
    run_dir.check(workdir, config, values.allow_config_change)
    return workdir


def on_this_machine(workdir: Path) -> bool:
    """Whether a parent of the workdir other than / exists on this machine."""
    return any(p.is_dir() for p in workdir.absolute().parents[:-1])


def write(files: dict[str, str], folder: Path) -> dict[str, Path]:
    """Writes a job's files into its workdir; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / name for name in files}
    for name, text in files.items():
        atomic.write_text(paths[name], text)
    return paths


def show(files: dict[str, str]) -> None:
    """Prints a job's files, with their names if there are several."""
    for name, text in files.items():
        print(f"# {name}\n{text}" if len(files) > 1 else text, end="")


def record(folder: Path, engine: str, job: str, **more: Any) -> None:
    """Appends a submission to the folder's jobs.jsonl."""
    line = {"time": time.time(), "engine": engine, "job": job, **more}
    jsonl.append(folder / "jobs.jsonl", line)


def submissions(folder: Path) -> list[dict[str, Any]]:
    """The recorded submissions, oldest first."""
    return jsonl.read(folder / "jobs.jsonl", jsonl.SUBMISSION)


def queued(folder: Path) -> dict[str, dict[str, str]]:
    """The folder's jobs in SLURM's queue: job -> task -> state; empty without SLURM."""
    if not shutil.which("squeue"):
        return {}
    jobs = [line["job"] for line in submissions(folder) if line["engine"] == "slurm"]
    states = {job: slurm.states(job) for job in jobs}
    return {job: tasks for job, tasks in states.items() if tasks}


def refuse_second(folder: Path) -> None:
    """Refuses to submit a job that is still in the queue."""
    for job, states in queued(folder).items():
        state = " ".join(sorted(set(states.values()))).lower()
        raise ConfigError(
            f"{folder}: job {job} is still in the queue ({state}); wait for it, or: scancel {job}"
        )
