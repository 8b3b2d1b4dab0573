"""SLURM: an sbatch file that calls `srun`; an array job for a sweep.

The file follows measurements under SLURM 22.05 (launch/README.md): SIGTERM must not go to `srun`,
which would kill its tasks; nothing stands between `srun` and the program, which must receive the
signal; `--kill-on-bad-exit` is off, because it kills processes that are still saving; even a single
task runs under `srun`.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from inception_jax.errors import ConfigError, UserError
from inception_jax.launch import rendering, tool
from inception_jax.launch.spec import (
    COMMON,
    CPUS,
    GPUS,
    LEAD,
    MEMORY,
    NEW_TOKEN,
    PROCESSES,
    Flag,
    JobSpec,
)

HELP = "a SLURM cluster: an sbatch job that is requeued"
FLAGS = (
    *COMMON, PROCESSES, GPUS, CPUS, MEMORY, LEAD,
    Flag("time", "", "time limit: minutes, H:MM:SS or D-HH:MM:SS (default: the partition's)"),
    Flag("partition", "", "sbatch's --partition"),
    Flag("account", "", "sbatch's --account"),
    Flag("qos", "", "sbatch's --qos"),
    Flag("extra", "", "more sbatch options, such as '--constraint=h100 --exclusive'"),
    Flag("python", "", "Python interpreter on the nodes (default: this one)"),
)  # fmt: skip
MIN_LEAD = 60  # seconds; SLURM checks time limits every 30 s
REPORT = "report.sbatch"
# [days-]hours:minutes:seconds and sbatch's shorter forms.
TIME_LIMIT = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


def render(spec: JobSpec) -> dict[str, str]:
    """Render the job; of an array also the list of its commands, and the job of its report."""
    o = spec.options
    lead, limit = o["lead"], parse_time_limit(o["time"]) if o["time"] else None
    if lead < MIN_LEAD:
        raise ConfigError(
            f"--lead={lead}: expected at least {MIN_LEAD}: SLURM checks limits every 30 s"
        )
    if limit is not None and lead >= limit:
        raise ConfigError(f"--lead={lead}: expected less than --time={o['time']} ({limit:.0f} s)")
    named = {"time": o["time"], "partition": o["partition"], "account": o["account"],
             "qos": o["qos"], "mem": o["memory"], "cpus-per-task": o["cpus"],
             "gpus-per-node": spec.gpus}  # fmt: skip
    options = [f"--{key}={shlex.quote(str(value))}" for key, value in named.items() if value]
    if spec.array:
        parallel = f"%{spec.at_once}" if spec.at_once else ""
        options.append(f"--array={array_ranges(spec.task_indices)}{parallel}")
    options += _extra_options(o["extra"])
    log = _log_path(spec.folder, "slurm-%A_%a.log" if spec.array else "slurm-%j.log")
    text = rendering.template(
        "job.sbatch", spec=spec, options=options, lead=lead, cpus=o["cpus"],
        here=shlex.quote(str(Path.cwd())), log=log,
        python=shlex.quote(o["python"] or sys.executable),
        list=shlex.quote(str(spec.folder.absolute() / "commands.txt")),
        command=shlex.join(spec.commands[0]), token=NEW_TOKEN,
    )  # fmt: skip
    if not spec.array:
        return {"job.sbatch": text}
    commands = "".join(shlex.join(c) + "\n" for c in spec.commands)
    return {"job.sbatch": text, "commands.txt": commands, REPORT: report(spec)}


def report(spec: JobSpec) -> str:
    """Render the job that writes a sweep's report after its tasks have ended."""
    o, folder = spec.options, spec.folder.absolute()
    account = {key: shlex.quote(o[key]) for key in ("partition", "account", "qos") if o[key]}
    options = {"job-name": f"{spec.name}-report", "ntasks": 1, **account,
               "chdir": shlex.quote(str(Path.cwd())),
               "output": _log_path(folder, "report.log")}  # fmt: skip
    python = shlex.quote(o["python"] or sys.executable)
    rows = ["#!/bin/bash", *(f"#SBATCH --{key}={value}" for key, value in options.items()), ""]
    rows += [spec.setup] if spec.setup else []
    return "\n".join([*rows, f"{python} -m inception_jax report {shlex.quote(str(folder))}", ""])


def _log_path(folder: Path, pattern: str) -> str:
    """The quoted path of a log: sbatch replaces %j and others in the whole path."""
    return shlex.quote(f"{folder.absolute()}/".replace("%", "%%") + pattern)


def array_ranges(numbers: Sequence[int]) -> str:
    """Format ascending numbers for sbatch's --array: 0-3,7."""
    groups: list[list[int]] = []
    for n in numbers:
        if groups and n == groups[-1][-1] + 1:
            groups[-1].append(n)
        else:
            groups.append([n])
    return ",".join(f"{g[0]}-{g[-1]}" if len(g) > 1 else str(g[0]) for g in groups)


def parse_time_limit(limit: str) -> float:
    """Convert a limit to seconds: minutes, minutes:seconds, hours:minutes:seconds, days-hours..."""
    match = TIME_LIMIT.fullmatch(limit)
    if match is None:
        raise ConfigError(
            f"--time={limit}: expected minutes, H:MM:SS or D-HH:MM:SS, such as 24:00:00"
        )
    days, *rest = match.groups()
    parts = [int(p) for p in rest if p is not None]
    if days is None and len(parts) < 3:  # M[:S]
        parts = [0, *parts]
    hours, minutes, secs = [*parts, 0, 0][:3]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + secs


def _extra_options(text: str) -> list[str]:
    """Split the options of --extra; refuse those that the job file sets itself."""
    reserved = ("--nodes", "--ntasks", "--signal", "--requeue", "--no-requeue", "--open-mode",
            "--output", "--array", "--chdir")  # fmt: skip
    try:
        words = shlex.split(text)
    except ValueError as e:
        raise ConfigError(f"--extra={text!r}: expected sbatch options; {e}") from e
    for word in words:
        if not re.match(r"--[a-z]", word):
            raise ConfigError(f"--extra: expected sbatch options as --option=value, got {word!r}")
        if word.split("=")[0].startswith(reserved):
            raise ConfigError(f"--extra: {word.split('=')[0]} is set by the job's file; remove it")
    return [shlex.quote(w) for w in words]


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Submit the job with sbatch; returns its id."""
    tool.require("sbatch", "launch from a login node")
    return tool.run("sbatch", "--parsable", str(files["job.sbatch"])).split(";")[0]


def submit_report(job: str, files: dict[str, Path]) -> None:
    """Submit the report job, which starts when all tasks of `job` have ended."""
    tool.run("sbatch", "--parsable", f"--dependency=afterany:{job}", str(files[REPORT]))


def states(job: str) -> dict[str, str]:
    """State of each task in the queue; the key of a job without an array is `""`.

    A job that has left the queue has no states.

    Raises:
        UserError: squeue fails.
    """
    command = ["squeue", "--noheader", "--array", f"--jobs={job}", "--format=%K|%T"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        if "Invalid job id" in result.stderr:
            return {}
        raise UserError(f"squeue failed for job {job}: {result.stderr.strip()}")
    rows = (line.strip().split("|") for line in result.stdout.splitlines() if line.strip())
    return {"" if task == "N/A" else task: state for task, state in rows}


def current_job() -> str | None:
    """Id of the job or array task that this process belongs to; None outside of SLURM."""
    e = os.environ
    if "SLURM_ARRAY_JOB_ID" in e:  # the last task's SLURM_JOB_ID is the array's id
        return f"{e['SLURM_ARRAY_JOB_ID']}_{e['SLURM_ARRAY_TASK_ID']}"
    return e.get("SLURM_JOB_ID")


def is_ending(job: str) -> bool:
    """Whether SLURM itself is ending a running job: cancelled, or requeued elsewhere.

    False at the time limit, after which SLURM does not requeue.
    """
    if not shutil.which("scontrol"):
        return False
    command = ["scontrol", "show", "job", "-o", job]
    result = subprocess.run(command, capture_output=True, text=True)
    fields = dict(re.findall(r"(\w+)=(\S*)", result.stdout))
    if fields.get("JobState", "RUNNING") == "RUNNING":
        return False
    elapsed, limit = fields.get("RunTime", "0"), fields.get("TimeLimit", "")
    if not TIME_LIMIT.fullmatch(limit):
        return True
    return parse_time_limit(elapsed) < parse_time_limit(limit)


def cancel(job: str) -> None:
    """Cancel a job and all of its tasks: each saves before SLURM kills it after KillWait.

    Raises:
        UserError: scancel fails.
    """
    result = subprocess.run(["scancel", job], capture_output=True, text=True)
    if result.returncode and "Invalid job id" not in result.stderr:
        raise UserError(f"scancel {job}: {result.stderr.strip()}")
