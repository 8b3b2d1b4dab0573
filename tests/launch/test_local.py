"""Tests `launch/local.py`: restarts, exit codes, parallel tasks and signals, with tiny programs."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inception_jax.launch import local
from inception_jax.launch.spec import JobSpec
from tests.launch.examples import FOLDER

# In place of `python -m inception_jax`: the first word is a Python program.
PROGRAM = """#!/bin/sh
shift 2
exec {python} -c "$@"
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run programs as tasks; returns the exit code and the logged lines."""
    interpreter = tmp_path / "python"
    interpreter.write_text(PROGRAM.format(python=sys.executable))
    interpreter.chmod(0o755)
    monkeypatch.setattr(local.sys, "executable", str(interpreter))
    monkeypatch.setattr(local, "RESTART_DELAY", 0.0)

    def run(*programs, **fields):
        lines = []
        commands = tuple((p, f"--workdir={tmp_path}/run{i}") for i, p in enumerate(programs))
        spec = JobSpec(commands, tmp_path, "test", **fields)
        return local.run(spec, lines.append), lines

    return run


def exiting(folder, *codes):
    """A program that exits with the next code at each start."""
    (folder / "codes").write_text(" ".join(map(str, codes)))
    return (
        f"import sys; p = {str(folder / 'codes')!r}; c = open(p).read().split(); "
        "open(p, 'w').write(' '.join(c[1:])); sys.exit(int(c[0]))"
    )


def test_restarts_after_75_and_a_crash(run, tmp_path):
    """A preemption and one crash are restarted; a second crash without a checkpoint is not."""
    code, lines = run(exiting(tmp_path, 75, 1, 0))
    assert code == 0 and [line.endswith("; restarting") for line in lines] == [True, True]
    code, lines = run(exiting(tmp_path, 139, 139, 0))
    assert code == 139 and "crashed twice without a new checkpoint" in lines[-1]


def test_a_bad_config_is_not_restarted(run, tmp_path):
    """78 ends the task after one attempt."""
    assert run(exiting(tmp_path, 78, 0))[0] == 78


def test_several_processes_get_their_index(run, capfd):
    """Each knows the number of processes and its own index; the output is prefixed with it.

    And all have the token of the job, which is another for each start.
    """
    program = "import os, sys; print(sys.argv[2:], 'token', os.environ['INCEPTION_JAX_JOB_TOKEN'])"
    outs = []
    for _ in range(2):
        assert run(program, processes=2)[0] == 0
        outs.append(capfd.readouterr().out)
    tokens = [set(re.findall("token ([0-9a-f]{32})", out)) for out in outs]
    assert len(tokens[0]) == len(tokens[1]) == 1 and tokens[0] != tokens[1]
    out = outs[0]
    for i in range(2):
        (line,) = [x for x in out.splitlines() if x.startswith(f"[{i}]")]
        assert "--processes=2" in line and f"--process={i}" in line


def test_tasks_have_logs_and_gpus_of_their_own(run, tmp_path):
    """With two slots of two GPUs, the tasks see devices 0,1 and 2,3."""
    program = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.3)"
    assert run(program, program, at_once=2, gpus=2)[0] == 0
    logs = sorted((tmp_path / f"local-{i}.log").read_text().strip() for i in range(2))
    assert logs == ["0,1", "2,3"]


def test_a_failed_task_does_not_stop_the_others(run):
    """The exit code is that of the failed one."""
    code, lines = run("raise SystemExit(78)", "pass")
    assert code == 78 and lines[-1] == "task 1: done"


def test_sigterm_reaches_the_processes(run, tmp_path):
    """They exit with 75; nothing is restarted, and waiting tasks are not started."""
    started = tmp_path / "started"
    program = (
        "import pathlib, signal, sys, time; signal.signal(15, lambda *a: sys.exit(75)); "
        f"pathlib.Path({str(started)!r}).touch(); time.sleep(60)"
    )

    def stop():
        while not started.exists():
            pass
        os.kill(os.getpid(), 15)

    threading.Thread(target=stop, daemon=True).start()
    code, lines = run(program, "open('never', 'w')")
    assert code == 75 and lines == ["task 0: ended with code 75"]


@pytest.mark.parametrize(("value", "expected"), [(None, "glibc.malloc.hugetlb=1"), ("", "")])
def test_huge_pages(value, expected, monkeypatch):
    """Processes use them unless the user has set the variable; so does the rendered script."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if value is not None:
        monkeypatch.setenv("GLIBC_TUNABLES", value)
    spec = JobSpec((("train",),), Path("runs"), "a", gpus=2)
    environment = local._TaskRunner(spec, print).environment(1)
    assert environment["GLIBC_TUNABLES"] == expected
    assert environment["CUDA_VISIBLE_DEVICES"] == "2,3"
    line = (FOLDER / "local.sh").read_text().splitlines()[1]
    result = subprocess.run(
        ["bash", "-c", f"{line}; echo $GLIBC_TUNABLES"], capture_output=True, text=True
    )
    assert result.stdout.strip() == expected


def test_a_log_on_a_full_disk(run, tmp_path):
    """The task ends with its own code, and is not ended by a closed pipe."""
    (tmp_path / "local-0.log").symlink_to("/dev/full")
    program = "print('x' * 100_000, flush=True); print('y', flush=True); open('{}', 'w')"
    code, lines = run(program.format(tmp_path / "ended"), "pass")
    assert code == 0 and (tmp_path / "ended").exists() and lines[0] == "task 0: done"


def test_a_log_that_cannot_be_written(run, tmp_path):
    """It is no stop after saving (75): the error is raised when the other tasks have ended."""
    (tmp_path / "local-0.log").mkdir()
    with pytest.raises(IsADirectoryError, match=r"local-0\.log"):
        run("pass", f"open({str(tmp_path / 'ended')!r}, 'w')", at_once=2)
    assert (tmp_path / "ended").exists()
