"""Tests that a run goes on without its terminal, to the lines of a run that kept it."""

import os
import pty
import subprocess
import sys

import pytest

from tests.conftest import FLAGS, ROOT
from tests.faults.runs import SMALL, finish, lines, newest, wait_until

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run whose output goes to a file."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    finish(workdir)
    return workdir


SHELL = {
    "pipe": '"$@" 2>&1 | true; exit ${PIPESTATUS[0]}',
    "full disk": '"$@" >/dev/full 2>&1',
    "closed": '"$@" <&- >&- 2>&-',
    "hang-up": 'exec setsid --ctty --wait "$@"',
}


@pytest.mark.parametrize(
    ("kind", "words"),
    [("pipe", ("launch", "local", "--")), ("full disk", ()), ("closed", ()), ("hang-up", ())],
)
def test_a_lost_terminal(undisturbed, tmp_path, kind, words):
    """A `tee` that was killed, a log on a full disk, a closed window: code 0 and every line."""
    workdir = tmp_path / "run"
    command = [sys.executable, "-m", "tests.faults.shared_cache", *words, "train", *SMALL]
    env = {**os.environ, "XLA_FLAGS": f"{FLAGS} --xla_backend_optimization_level=0"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", SHELL[kind], "bash", *command, f"--workdir={workdir}"],
        env=env, cwd=ROOT, stdin=end, stdout=end, stderr=end,
    )  # fmt: skip
    os.close(end)
    wait_until(lambda: newest(workdir) >= 3, [process])
    os.close(terminal)
    assert process.wait(240) == 0 and (workdir / "DONE").exists()
    assert lines(workdir) == lines(undisturbed)
