"""Tests `inception-jax sweep stop`."""

import os
import signal
import socket
from pathlib import Path

from inception_jax import cli
from inception_jax.cli import jobs, sweep_stop


def test_running_jobs_are_stopped(sweep, capsys, monkeypatch):
    """SIGTERM to a sweep of this host, scancel for SLURM; ended jobs and other hosts are not."""
    killed, cancelled = [], []
    monkeypatch.setattr(sweep_stop.os, "kill", lambda *a: killed.append(a))
    monkeypatch.setattr(sweep_stop, "_is_sweep", lambda pid: pid == 11)
    monkeypatch.setattr(sweep_stop.slurm, "states", lambda job: {"0": "R"} if job == "7" else {})
    monkeypatch.setattr(sweep_stop.slurm, "cancel", cancelled.append)
    for host, pid in ((socket.gethostname(), "11"), (socket.gethostname(), "12"), ("moon", "11")):
        jobs.record(sweep, "local", pid, host=host)
    for job in ("7", "8"):
        jobs.record(sweep, "slurm", job)
    assert cli.main(["sweep", "stop", str(sweep)]) == 0
    assert (killed, cancelled) == ([(11, signal.SIGTERM)], ["7"])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_reused_process_id():
    """This process is not a sweep, and neither is one that has ended."""
    assert not sweep_stop._is_sweep(2**30)
    ours = Path("/proc/self/cmdline").read_bytes()
    assert sweep_stop._is_sweep(os.getpid()) == (b"sweep" in ours)
