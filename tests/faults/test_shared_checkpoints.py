"""Tests that a checkpoint of two processes is restored by one, and vice versa."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inception_jax import checkpoint
from inception_jax.checkpoint import manifest
from tests.conftest import ROOT
from tests.saved import array_file, flip

pytestmark = pytest.mark.faults


def processes(count, workdir):
    """Run `saving_process.py` in `count` processes; what each has printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("saving_process.py")
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", script, str(count), str(i), str(port), workdir],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(count)
    ]  # fmt: skip
    done = [p.communicate(timeout=120) for p in running]
    assert all(p.returncode == 0 for p in running), "\n".join(err[-2000:] for _, err in done)
    return done


def test_two_processes_one_and_two_again(tmp_path):
    """2 -> 1 -> 2: the same numbers on every device; a damaged step is renamed once."""
    directory = tmp_path / "checkpoints"
    for step, count in enumerate((2, 1, 2), 1):
        done = processes(count, tmp_path)
        assert all(f"SAVED {list(range(1, step + 1))}" in out for out, _ in done)
        assert manifest.read(directory / str(step))["processes"] == count
    flip(array_file(directory / "3"))
    done = processes(2, tmp_path)
    assert sum("checkpoint 3 is not good (renamed to bad-3)" in err for _, err in done) == 1
    assert checkpoint.steps(directory) == [1, 2, 3] and (directory / "bad-3").is_dir()
