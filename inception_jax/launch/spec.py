"""The description of a job: its commands (one per task) and the machines they run on."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from inception_jax.errors import ConfigError, shown
from inception_jax.runtime.rendezvous.protocol import TOKEN

NAME = re.compile(r"[a-z]([-a-z0-9]{0,45}[a-z0-9])?")  # Kubernetes' rule, with room for a number


class Flag(NamedTuple):
    """A flag of an engine; the type of its default is the type of the flag."""

    name: str
    default: str | int | bool
    help: str
    low: int = 0


# Flags that several engines share.
NAME_ = Flag("name", "", "job name (default: derived from the workdir)")
NODES = Flag("nodes", 1, "number of machines", low=1)
PROCESSES = Flag("processes", 1, "processes per machine, which share its devices", low=1)
GPUS = Flag("gpus", 0, "GPUs per machine")
CPUS = Flag("cpus", 0, "CPU cores per process, which read its images (SLURM's default is often 1)")
MEMORY = Flag("memory", "", "memory per machine, in the scheduler's notation")
LEAD = Flag("lead", 180, "seconds between the signal to save and the kill")
PREEMPTIONS = Flag("preemptions", 1000, "maximum number of restarts after preemption")
CRASHES = Flag("crashes", 10, "maximum number of restarts after a crash")
SETUP = Flag("setup", "", "shell lines before the command, such as 'module load cuda'")
COMMON = (NAME_, NODES, PREEMPTIONS, CRASHES, SETUP)
# Shell line for the start of a job of several processes, which prove with it that they belong
# together: a new token each time, stored nowhere.
NEW_TOKEN = f'{TOKEN}=$(od -An -N16 -tx1 /dev/urandom | tr -d " \\n") && export {TOKEN}'
IMAGE = "REGISTRY/NAME:TAG, built from launch/Dockerfile"
# A password itself, which would be stored with the job; not one that is read from a file, $(...).
PASSWORD = re.compile(r"""(?:PASSWORD|PASSWD|_PWD)=["']?[^\s"'$`]""", re.IGNORECASE)


@dataclass(frozen=True)
class JobSpec:
    """A job, independent of the engine that runs it.

    Attributes:
        commands: for each task the words after `inception-jax`; one task unless it is a sweep.
        folder: directory of the job's files and logs: the workdir, or the sweep's directory.
        name: job name, valid for Kubernetes.
        nodes, processes, gpus, preemptions, crashes, setup: the flags of these names.
        tasks: indices of the commands to start; None starts all.
        at_once: maximum number of tasks that run at the same time; 0 is no limit.
        worker: whether the command starts trainings itself, each on all machines of the task.
        options: the engine's own flags, by name.
    """

    commands: tuple[tuple[str, ...], ...]
    folder: Path
    name: str
    nodes: int = 1
    processes: int = 1
    gpus: int = 0
    preemptions: int = 1000
    crashes: int = 10
    setup: str = ""
    tasks: tuple[int, ...] | None = None
    at_once: int = 0
    worker: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a name that is not valid for every engine, and what may not be in a file.

        A line break would end the comment or the word in which a value stands, and start a line of
        its own: a command, or another task's. Only --setup consists of lines.
        """
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                f"--name={shown(self.name)}: expected at most 47 lower-case letters, digits and "
                f"dashes, starting with a letter, such as --name={valid_name(self.name)}"
            )
        words = [word for command in self.commands for word in command]
        options = [f"--{k}={v}" for k, v in self.options.items()]
        if found := [text for text in (self.setup, *options) if PASSWORD.search(text)]:
            raise ConfigError(
                f"{'--setup' if found[0] is self.setup else found[0].partition('=')[0]}: a "
                f"password would be stored in the job's files; let the job read it, such as "
                f"--setup='export PGPASSWORD=$(cat ~/.password)', or use ~/.pgpass"
            )
        setup = self.setup.replace("\t", " ").split("\n")
        for text in (*words, *options, *setup, str(self.folder.absolute()), str(Path.cwd())):
            if shown(text) != text:
                raise ConfigError(
                    f"{shown(text)}: expected no control characters, line breaks or undecodable "
                    f"bytes, which would change the meaning of the job's files; remove them"
                )

    def require_options(self, **examples: str) -> None:
        """Refuse a job without one of these options; the message has its example."""
        for flag, example in examples.items():
            if not self.options[flag]:
                raise ConfigError(f"expected --{flag}=..., such as --{flag}={example}")

    def require_one_machine_per_trial(self) -> None:
        """Refuse a search whose workers would have to start trainings on other machines."""
        if self.worker and self.world > 1:
            raise ConfigError(
                "a search with several machines per trial: expected --on=slurm, or --nodes=1"
            )

    def require_folder_below(self, mount: str, flag: str) -> None:
        """Refuse a folder outside of the volume that `flag` mounts at `mount`."""
        if not self.folder.is_relative_to(mount):
            raise ConfigError(
                f"{flag} mounts {mount}: expected --workdir (of a sweep: --dir) below it, because "
                f"what is written elsewhere is lost with the machine; got {self.folder}"
            )

    @property
    def array(self) -> bool:
        """Whether the job is an array of numbered tasks."""
        return len(self.commands) > 1 or self.tasks is not None

    @property
    def task_indices(self) -> tuple[int, ...]:
        """Indices of the commands to start."""
        return tuple(range(len(self.commands))) if self.tasks is None else self.tasks

    @property
    def world(self) -> int:
        """Number of processes per task."""
        return self.nodes * self.processes

    def address_flags(self, address: str, index: int | str) -> list[str]:
        """The flags that tell a process its place in the task; none for a single process."""
        if self.world == 1:
            return []
        return [f"--coordinator={address}", f"--processes={self.world}", f"--process={index}"]

    def task_name(self, index: int) -> str:
        """The name of a task, for schedulers without array jobs."""
        return f"{self.name}-{index}" if self.array else self.name


def with_nccl(setup: str, environment: Mapping[str, str]) -> str:
    """`setup` behind an `export` for each `NCCL_*` of the launching shell.

    Pods and machines of a cloud inherit no environment, unlike SLURM's. Of all variables only these
    describe the job's network; XLA_FLAGS may be about this machine's devices.
    """
    names = sorted(name for name in environment if name.startswith("NCCL_"))
    exports = [f"export {name}={shlex.quote(environment[name])}" for name in names]
    return "\n".join([*exports, *filter(None, [setup])])


def valid_name(text: str) -> str:
    """A valid job name, as close to `text` as possible."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:47].strip("-")
    return name if NAME.fullmatch(name) else f"run-{name}"[:47].strip("-")
