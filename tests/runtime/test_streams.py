"""Tests that a process goes on when its terminal is lost, in processes without JAX."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

BOTH = "print('x' * 70_000, flush=True); print('y' * 70_000, file=sys.stderr, flush=True)"


def script(folder, body, shell="{}", end="sys.exit(0)"):
    """Run a script after `install`, inside a shell's redirection; its code and stderr."""
    path = folder / "script.py"
    path.write_text(
        f"import os, sys\nfrom inception_jax.runtime import streams\nstreams.install()\n{body}\n"
        f"{end}\n"
    )
    words = ["bash", "-c", shell.format(f"{sys.executable} {path}")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, text=True, capture_output=True, env=env)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "shell",
    [
        "PYTHONUNBUFFERED=1 {} 2>/dev/full >/dev/full",
        "{} 2>&1 | true; exit ${{PIPESTATUS[0]}}",
        "{} 2>/dev/full >/dev/full",
        "{} 2>&- >&-",
        "{} 0<&- 1>&- 2>&-",
        "{} 2</dev/null >/dev/null",  # opened for reading only
        "ulimit -f 1; {} >out 2>err",
    ],
)
def test_the_work_goes_on(tmp_path, shell):
    """Whatever is wrong with the streams: code 0 and no traceback."""
    body = f"{BOTH}\nimport time; time.sleep(0.05)\n{BOTH}\nopen('done', 'w').write('x')"
    assert script(tmp_path, body, shell) == (0, "")
    assert (tmp_path / "done").read_text() == "x"


def test_a_new_file_does_not_become_standard_output(tmp_path):
    """A closed stream's number is taken, so that native code does not print into a file of ours."""
    body = "file = open('done', 'w'); os.write(1, b'a'); os.write(2, b'b')"
    body += "; file.write(f'{file.fileno()}')"
    assert script(tmp_path, body, "{} 0<&- 1>&- 2>&-") == (0, "")
    assert int((tmp_path / "done").read_text()) > 2


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ("{} >/dev/full", 74),
        ("{} | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}", 0),
        ("{} >&-", 0),
        ("ulimit -f 1; {} >out", 74),
    ],
)
def test_lost_text(tmp_path, shell, code):
    """A full disk is an error of a command whose result is its text; `head` is none."""
    body = "print('x' * 9000 * 70)\nerror = streams.output_error()"
    done, _ = script(tmp_path, body, shell, "sys.exit(error.code if error else 0)")
    assert done == code


def test_characters_that_the_terminal_lacks(tmp_path):
    """They are escaped: a name in another script ends no run."""
    body = "print('ü\\udcff'); print('ü', file=sys.stderr)"
    result = script(tmp_path, body, "PYTHONIOENCODING=ascii PYTHONUTF8=0 {} >out")
    assert result == (0, "\\xfc\n")
    assert (tmp_path / "out").read_text() == "\\xfc\\udcff\n"


def test_a_slow_reader_of_a_pipe_that_does_not_block(tmp_path):
    """Everything arrives."""
    body = "os.set_blocking(1, False)\nprint('x' * 500_000)"
    assert script(tmp_path, body, "{} | (sleep 0.2; wc -c >size)") == (0, "")
    assert int((tmp_path / "size").read_text()) == 500_001
