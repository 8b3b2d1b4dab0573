"""Tests `inception_jax/bench/process.py`: one process, its figures, its memory, its end."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from inception_jax.bench import process


def run(code, *words):
    return process.run([sys.executable, "-c", code, *words], dict(os.environ))


def test_figures_are_the_last_line():
    """Whatever else it prints."""
    figures, peak = run("print('warming up'); print('{\"images_per_s\": 2.5}')")
    assert figures == {"images_per_s": 2.5} and peak > 1e6


def test_memory_is_the_most_that_it_had():
    """By a process that is as small as the command is."""
    code = (
        "import os, sys; from inception_jax.bench.process import run\n"
        "runs = ('0', '300_000_000')\n"
        "words = [[sys.executable, '-c', f\"x = b'1' * {n}; print('{{}}')\"] for n in runs]\n"
        "small, large = (run(w, dict(os.environ))[1] for w in words)\n"
        "assert small < 60e6 and 250e6 < large - small < 350e6, (small, large)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("code", "number", "says"),
    [
        ("import sys; sys.exit('no such network')", 1, "no such network"),
        ("import sys; print('{}'); sys.exit(78)", 78, "ended with code 78"),
        ("import os; os.kill(os.getpid(), 9)", -9, "ended with code -9"),
        ("print('no figures')", 0, "ended with code 0"),
        ("print([1])", 0, "ended with code 0"),
    ],
)
def test_a_failure_has_its_code_and_words(code, number, says):
    """The end of what it said on standard error."""
    with pytest.raises(process.FailedError, match=says) as e:
        run(code)
    assert e.value.code == number


@pytest.fixture
def interruptible():
    """SIGINT as in a foreground process: a shell's background ones, and so pytest, ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_ends_all_of_its_processes(interruptible, tmp_path):
    """Those that it has started too: nothing is left that would disturb what comes next."""
    pid = tmp_path / "pid"
    code = (
        "import subprocess, sys, pathlib\n"
        "p = subprocess.Popen(['sleep', '60'])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(p.pid)); p.wait()"
    )

    def interrupt():
        while not (pid.exists() and pid.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run(code, str(pid))
    for _ in range(500):
        try:
            with open(f"/proc/{pid.read_text()}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":  # its parent is gone
                    return
        except FileNotFoundError:
            return
        time.sleep(0.01)
    raise AssertionError("it is still there")
