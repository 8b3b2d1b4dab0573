"""inception-jax sweep stop DIR

Stops the sweep's jobs: each saves a checkpoint first, and `sweep resume` continues it.
"""  # noqa: D415

import contextlib
import os
import signal
import socket
from pathlib import Path

from inception_jax.cli import jobs, sweeps
from inception_jax.launch import k8s, sky, slurm
from inception_jax.sweep import folder


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = sweeps.of_directory("stop", __doc__)
    flags.parse(argv)
    sweep = folder.read(Path(flags.words[0]))
    for line in jobs.submissions(sweep.folder):
        engine, job = line["engine"], line["job"]
        if engine == "slurm" and slurm.states(job):
            slurm.cancel(job)
        elif engine == "k8s":
            k8s.cancel(job, sweep.launched["flags"]["namespace"])
        elif engine == "sky":
            sky.cancel(job)
        elif engine == "local" and line["host"] == socket.gethostname() and _is_sweep(int(job)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(job), signal.SIGTERM)
        else:
            continue
        print(f"{engine} job {job}: stopping after a checkpoint")


def _is_sweep(pid: int) -> bool:
    """Whether the process is a sweep: its id may have been reused."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return b"sweep" in f.read()
    except OSError:
        return False
