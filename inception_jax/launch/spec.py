"""What is to run: one command, or one for each of many tasks, on so many machines."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from inception_jax.errors import ConfigError

NAME = re.compile(r"[a-z]([-a-z0-9]{0,45}[a-z0-9])?")  # Kubernetes' rule, with room for a number


class Flag(NamedTuple):
    """A flag of an engine: its default says whether it is a text, a whole number or a switch."""

    name: str
    default: str | int | bool
    help: str
    low: int = 0


# Flags that several engines have, by what they mean in a JobSpec.
NAME_ = Flag("name", "", "the job's name (made from the workdir if empty)")
NODES = Flag("nodes", 1, "machines", low=1)
PROCESSES = Flag("processes", 1, "processes of each machine, which share its devices", low=1)
GPUS = Flag("gpus", 0, "GPUs of each machine")
CPUS = Flag("cpus", 0, "CPU cores of each process")
MEMORY = Flag("memory", "", "memory of each machine, as the engine writes it")
LEAD = Flag("lead", 180, "seconds between the signal to save and the end")
PREEMPTIONS = Flag("preemptions", 1000, "how often it may be stopped and started again")
CRASHES = Flag("crashes", 10, "how often it may crash and be started again")
SETUP = Flag("setup", "", "shell lines before the command, such as 'module load cuda'")
COMMON = (NAME_, NODES, PREEMPTIONS, CRASHES, SETUP)


@dataclass(frozen=True)
class JobSpec:
    """A job, whatever engine runs it.

    Attributes:
        commands: the words after `inception-jax`, of each task; one unless it is a sweep.
        folder: where the job's file and logs go: the workdir, or the sweep's directory.
        name: of the job, as Kubernetes admits it.
        nodes: machines of a task.
        processes: of each machine.
        gpus: of each machine.
        preemptions: how often a task may stop with 75 and be started again.
        crashes: how often it may crash and be started again.
        setup: shell lines before the command, such as `module load cuda`.
        tasks: which commands to start, by index; None is all.
        at_once: tasks that may run at the same time; 0 is no limit.
        worker: the command starts others, each over all machines of the task.
        options: what only this engine knows, by the names of its flags.
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
        """Refuses what no engine could run.

        Raises:
            ConfigError: says which flag.
        """
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                f"--name={self.name}: expected at most 47 small letters, digits and dashes that "
                f"begin with a letter, such as --name={proper(self.name)}"
            )

    def outlives(self, mount: str, flag: str) -> None:
        """Refuses a folder that would go with the machine that writes it.

        Args:
            mount: where the machines see what outlives them.
            flag: that says so.

        Raises:
            ConfigError: the folder is not below it.
        """
        if not self.folder.is_relative_to(mount):
            raise ConfigError(
                f"{flag} mounts {mount}: expected --workdir (of a sweep: --dir) below it, what is "
                f"written elsewhere is lost with the machine; got {self.folder}"
            )

    @property
    def array(self) -> bool:
        """Whether it is many tasks, numbered."""
        return len(self.commands) > 1 or self.tasks is not None

    @property
    def chosen(self) -> tuple[int, ...]:
        """Indices of the commands to start."""
        return tuple(range(len(self.commands))) if self.tasks is None else self.tasks

    @property
    def world(self) -> int:
        """Processes of a task."""
        return self.nodes * self.processes


def proper(text: str) -> str:
    """A name that `NAME` admits, as near to `text` as may be."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:47].strip("-")
    return name if NAME.fullmatch(name) else f"run-{name}"[:47].strip("-")
