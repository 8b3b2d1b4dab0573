"""A real SLURM cluster of two nodes on this machine, with functions to submit and disturb jobs."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.conftest import FLAGS, ROOT
from tests.faults import runs

SCRIPT = ROOT / "launch/slurm_cluster.sh"
# Final states, not busy ones: near its time limit a running job is SIGNALING for a moment.
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE")
TOOLS = ("slurmctld", "slurmd", "sbatch", "munged")


def missing() -> str:
    """Why no cluster can run on this machine; empty if it can."""
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    if absent:
        return f"needs {', '.join(absent)}"
    return "" if os.geteuid() == 0 else "needs root"


class Cluster:
    """Two nodes, n1 and n2, as a context manager."""

    def __init__(self, folder: Path):
        self.folder = folder
        # For jobs: low compiler optimisation, one device, no other settings of the tests.
        xla = f"{FLAGS} --xla_force_host_platform_device_count=1 --xla_backend_optimization_level=0"
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(folder / "slurm.conf"),
            "XLA_FLAGS": xla,
            "JAX_PLATFORMS": "cpu",
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def __enter__(self) -> "Cluster":
        subprocess.run([SCRIPT, "start", self.folder, "2", "4"], check=True)
        return self

    def __exit__(self, *error: object) -> None:
        subprocess.run([SCRIPT, "stop", self.folder], check=False)

    def ask(self, *words: str) -> str:
        """Run a SLURM command; returns its output."""
        result = subprocess.run(words, env=self.environment, capture_output=True, text=True)
        assert result.returncode == 0, (words, result.stderr)
        return result.stdout.strip()

    def command(self, *words: object, code: int = 0) -> str:
        """Run `inception-jax`; returns its output."""
        result = subprocess.run(
            [sys.executable, "-m", "inception_jax", *map(str, words)],
            env=self.environment, capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
        assert result.returncode == code, (words, result.stdout, result.stderr)
        return result.stdout

    def launch(self, workdir: Path, *more: str, flags: tuple[str, ...] = ()) -> str:
        """Submit a run on two nodes; returns the job id."""
        words = (*runs.SMALL, "--heartbeat=10", "--patience=120", *more)
        self.command(
            "launch", "slurm", "--nodes=2", "--cpus=1", *flags,
            "--", "train", *words, f"--workdir={workdir}",
        )  # fmt: skip
        return json.loads((workdir / "jobs.jsonl").read_text().splitlines()[-1])["job"]

    def about(self, job: str) -> dict[str, str]:
        """The fields of `scontrol show job`."""
        words = self.ask("scontrol", "show", "job", "-o", job).split()
        return dict(w.partition("=")[::2] for w in words)

    def ended(self, job: str, seconds: float = 300) -> str:
        """Wait until a job ends; returns its final state."""
        return self._wait(job, lambda about: about["JobState"] in FINAL, seconds)["JobState"]

    def requeued(self, job: str, times: int, seconds: float = 120) -> None:
        """Wait until a job has been requeued `times` times."""
        self._wait(job, lambda about: int(about["Restarts"]) >= times, seconds)

    def restarted(self, job: str, times: int, seconds: float = 120) -> None:
        """Wait until a job runs after `times` restarts."""
        self.requeued(job, times, seconds)
        self._wait(job, lambda about: about["JobState"] == "RUNNING", seconds)

    def _wait(
        self, job: str, true: Callable[[dict[str, str]], bool], seconds: float
    ) -> dict[str, str]:
        """Wait until `true` of a job's fields; returns the fields that it was true of."""
        end = time.monotonic() + seconds
        while not true(about := self.about(job)):
            assert time.monotonic() < end, f"{about} after {seconds} s"
            time.sleep(0.2)
        return about

    def ranks(self, job: str) -> list[int]:
        """Process ids of a job's training processes, by rank."""
        pids = {}
        for pid, words, values in self._processes():
            started = values.get("SLURM_STEP_ID", "").isdigit() and "train" in words
            if started and values.get("SLURM_JOB_ID") == job and "srun" not in words[0]:
                pids[int(values["SLURM_PROCID"])] = pid
        return [pid for _, pid in sorted(pids.items())]

    def alive(self) -> list[tuple[int, list[str]]]:
        """Processes started by any job of this cluster: id and words."""
        conf = str(self.folder / "slurm.conf")
        return [
            (pid, words)
            for pid, words, values in self._processes()
            if "SLURM_JOB_ID" in values and values.get("SLURM_CONF") == conf
        ]

    def _processes(self) -> Iterator[tuple[int, list[str], dict[str, str]]]:
        """Each readable process: id, words, environment."""
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_text(errors="replace").split("\0")
                items = (entry / "environ").read_text(errors="replace").split("\0")
                yield int(entry.name), words, dict(i.partition("=")[::2] for i in items)

    def kill_job(self, job: str) -> None:
        """Kill all processes of a job: its script, its children, and the tasks of its steps."""
        for pid, _, values in list(self._processes()):
            if values.get("SLURM_JOB_ID") == job:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def kill_node(self, number: int, job: str) -> None:
        """Kill a node's daemon, a job's step on it and its task, like a power failure."""
        daemon = int((self.folder / f"slurmd.n{number}.pid").read_text())
        task = self.ranks(job)[number - 1]
        for pid in (daemon, parent(task), task):
            os.kill(pid, signal.SIGKILL)

    def down(self, number: int, seconds: float = 60) -> None:
        """Wait until the controller marks a node as down."""
        end = time.monotonic() + seconds
        while "down" not in self.ask("sinfo", "--noheader", f"--nodes=n{number}", "--format=%T"):
            assert time.monotonic() < end, f"n{number} is not down after {seconds} s"
            time.sleep(0.2)

    def start_node(self, number: int) -> None:
        """Restart a node's daemon."""
        subprocess.run([SCRIPT, "node", self.folder, str(number)], check=True)


def parent(pid: int) -> int:
    """The parent process id."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
