"""SLURM: one sbatch file, with `srun` inside it; an array for a sweep.

What the file encodes was measured on a real cluster of version 22.05 (launch/README.md): no SIGTERM
to `srun`, which would kill; nothing between `srun` and the program, which would get the signal; no
`--kill-on-bad-exit`, which kills who still saves; `srun` even for one task.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2

from inception_jax.errors import ConfigError, UserError
from inception_jax.launch import tool
from inception_jax.launch.spec import COMMON, CPUS, GPUS, LEAD, MEMORY, PROCESSES, Flag, JobSpec

HELP = "a SLURM cluster: sbatch and srun, requeued with the same command"
FLAGS = (
    *COMMON, PROCESSES, GPUS, CPUS, MEMORY, LEAD,
    Flag("time", "", "limit of an attempt: minutes, H:MM:SS or D-HH:MM:SS (the partition's)"),
    Flag("partition", "", "sbatch's --partition"),
    Flag("account", "", "sbatch's --account"),
    Flag("qos", "", "sbatch's --qos"),
    Flag("extra", "", "further options of sbatch: '--constraint=h100 --exclusive'"),
    Flag("python", "", "the interpreter on the nodes (default: this one)"),
)  # fmt: skip
LEAST_LEAD = 60  # seconds: limits are looked at every 30
REPORT = "report.sbatch"
# [days-]hours:minutes:seconds and the shorter forms that sbatch takes.
LIMIT = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


def render(spec: JobSpec) -> dict[str, str]:
    """The job's files: name -> text.

    Raises:
        ConfigError: an option that SLURM would refuse, or that leaves no time to save.
    """
    o = spec.options
    lead, limit = o["lead"], seconds(o["time"]) if o["time"] else None
    if lead < LEAST_LEAD:
        raise ConfigError(f"--lead={lead}: expected at least {LEAST_LEAD}: SLURM looks every 30 s")
    if limit is not None and lead >= limit:
        raise ConfigError(f"--lead={lead}: expected less than --time={o['time']} ({limit:.0f} s)")
    named = {"time": o["time"], "partition": o["partition"], "account": o["account"],
             "qos": o["qos"], "mem": o["memory"], "cpus-per-task": o["cpus"],
             "gpus-per-node": spec.gpus}  # fmt: skip
    options = [f"--{key}={value}" for key, value in named.items() if value]
    if spec.array:
        limit = f"%{spec.at_once}" if spec.at_once else ""
        options.append(f"--array={ranges(spec.chosen)}{limit}")
    options += _extra(o["extra"])
    log = spec.folder.absolute() / ("slurm-%A_%a.log" if spec.array else "slurm-%j.log")
    template = resources.files("inception_jax.launch").joinpath("job.sbatch").read_text("utf-8")
    text = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    ).from_string(template).render(
        name=spec.name, nodes=spec.nodes, processes=spec.processes, options=options,
        here=shlex.quote(str(Path.cwd())), log=shlex.quote(str(log)), lead=lead, setup=spec.setup,
        python=shlex.quote(o["python"] or sys.executable), array=spec.array,
        list=shlex.quote(str(spec.folder.absolute() / "commands.txt")),
        command=shlex.join(spec.commands[0]), cpus=o["cpus"], worker=spec.worker,
        preemptions=spec.preemptions, crashes=spec.crashes,
    )  # fmt: skip
    if not spec.array:
        return {"job.sbatch": text}
    commands = "".join(shlex.join(c) + "\n" for c in spec.commands)
    return {"job.sbatch": text, "commands.txt": commands, REPORT: report(spec)}


def report(spec: JobSpec) -> str:
    """The small job that draws a sweep when all of its tasks have ended."""
    o, folder = spec.options, spec.folder.absolute()
    where = {key: o[key] for key in ("partition", "account", "qos") if o[key]}
    options = {"job-name": f"{spec.name}-report", "ntasks": 1, **where,
               "chdir": shlex.quote(str(Path.cwd())),
               "output": shlex.quote(str(folder / "report.log"))}  # fmt: skip
    python = shlex.quote(o["python"] or sys.executable)
    rows = ["#!/bin/bash", *(f"#SBATCH --{key}={value}" for key, value in options.items()), ""]
    rows += [spec.setup] if spec.setup else []
    return "\n".join([*rows, f"{python} -m inception_jax report {shlex.quote(str(folder))}", ""])


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as sbatch takes them: 0-3,7."""
    groups: list[list[int]] = []
    for n in numbers:
        if groups and n == groups[-1][-1] + 1:
            groups[-1].append(n)
        else:
            groups.append([n])
    return ",".join(f"{g[0]}-{g[-1]}" if len(g) > 1 else str(g[0]) for g in groups)


def seconds(limit: str) -> float:
    """A time limit in seconds: minutes, minutes:seconds, hours:minutes:seconds, days-hours...

    Raises:
        ConfigError: it is none of these.
    """
    match = LIMIT.fullmatch(limit)
    if match is None:
        raise ConfigError(
            f"--time={limit}: expected minutes, H:MM:SS or D-HH:MM:SS, such as 24:00:00"
        )
    days, *rest = match.groups()
    parts = [int(p) for p in rest if p is not None]
    if days is not None:  # D-H[:M[:S]]
        hours, minutes, secs = [*parts, 0, 0][:3]
    elif len(parts) == 3:
        hours, minutes, secs = parts
    else:  # M[:S]
        hours, (minutes, secs) = 0, [*parts, 0][:2]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + secs


def _extra(text: str) -> list[str]:
    """Further options of sbatch, a line each.

    Raises:
        ConfigError: a word is no option, or it is one that the job's file sets itself.
    """
    ours = ("--nodes", "--ntasks", "--signal", "--requeue", "--no-requeue", "--open-mode",
            "--output", "--array", "--chdir")  # fmt: skip
    try:
        words = shlex.split(text)
    except ValueError as e:
        raise ConfigError(f"--extra={text!r}: expected options of sbatch; {e}") from e
    for word in words:
        if not re.match(r"--[a-z]", word):
            raise ConfigError(f"--extra: expected --option=value of sbatch, got {word!r}")
        if word.split("=")[0].startswith(ours):
            raise ConfigError(f"--extra: {word.split('=')[0]} is set by the job's file; leave it")
    return [shlex.quote(w) for w in words]


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Hands the job to sbatch; its id.

    Raises:
        ConfigError: there is no sbatch here, or it refuses the job.
    """
    tool.need("sbatch", "launch from a login node")
    return tool.call("sbatch", "--parsable", str(files["job.sbatch"])).split(";")[0]


def follow(job: str, files: dict[str, Path]) -> None:
    """Has a sweep drawn when its job's tasks have ended, well or not.

    Raises:
        ConfigError: sbatch refuses.
    """
    tool.call("sbatch", "--parsable", f"--dependency=afterany:{job}", str(files[REPORT]))


def states(job: str) -> dict[str, str]:
    """What the queue says of a job: state by task, `""` for a job without an array.

    A job that is not in the queue any more has no state.

    Raises:
        UserError: the queue does not answer.
    """
    command = ["squeue", "--noheader", "--array", f"--jobs={job}", "--format=%K|%T"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        if "Invalid job id" in done.stderr:
            return {}
        raise UserError(f"squeue does not answer for job {job}: {done.stderr.strip()}")
    rows = (line.strip().split("|") for line in done.stdout.splitlines() if line.strip())
    return {"" if task == "N/A" else task: state for task, state in rows}


def mine() -> str | None:
    """The job, or the array's task, that this process belongs to; None outside of SLURM."""
    e = os.environ
    if "SLURM_ARRAY_JOB_ID" in e:  # SLURM_JOB_ID of the last task is the whole array's
        return f"{e['SLURM_ARRAY_JOB_ID']}_{e['SLURM_ARRAY_TASK_ID']}"
    return e.get("SLURM_JOB_ID")


def leaving(job: str) -> bool:
    """Whether SLURM itself is ending a job that runs: by scancel, or to start it again elsewhere.

    Not at its time limit: SLURM leaves it at that.
    """
    if not shutil.which("scontrol"):
        return False
    done = subprocess.run(["scontrol", "show", "job", "-o", job], capture_output=True, text=True)
    about = dict(re.findall(r"(\w+)=(\S*)", done.stdout))
    if about.get("JobState", "RUNNING") == "RUNNING":
        return False
    ran, limit = about.get("RunTime", "0"), about.get("TimeLimit", "")
    return not (LIMIT.fullmatch(limit) and seconds(ran) >= seconds(limit))


def cancel(job: str) -> None:
    """Ends a job and all of its tasks: each saves first, SLURM kills after its KillWait.

    Raises:
        UserError: scancel fails.
    """
    done = subprocess.run(["scancel", job], capture_output=True, text=True)
    if done.returncode and "Invalid job id" not in done.stderr:
        raise UserError(f"scancel {job}: {done.stderr.strip()}")
