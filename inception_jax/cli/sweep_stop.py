"""inception-jax sweep stop DIR

Ends the sweep's jobs: what is running saves first, and `sweep resume` continues it.
"""  # noqa: D415

import contextlib
import os
import signal
import socket

from inception_jax.cli import jobs, sweeps
from inception_jax.cli.flags import Flags
from inception_jax.launch import k8s, sky, slurm
from inception_jax.sweep import folder


def main(argv: list[str]) -> None:
    """Runs the command."""
    path, _ = sweeps.directory("stop", argv, Flags("sweep stop", __doc__ or ""))
    sweep = folder.read(path)
    for line in jobs.notes(path):
        engine, job = line["engine"], line["job"]
        if engine == "slurm" and slurm.states(job):
            slurm.cancel(job)
        elif engine == "k8s":
            k8s.cancel(job, sweep.launched["flags"]["namespace"])
        elif engine == "sky":
            sky.cancel(job)
        elif engine == "local" and line["host"] == socket.gethostname() and _ours(int(job)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(job), signal.SIGTERM)
        else:
            continue
        print(f"{engine} job {job}: asked to save and end")


def _ours(pid: int) -> bool:
    """Whether a process is still a sweep of ours: its number may be another's by now."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return b"sweep" in f.read()
    except OSError:
        return False
