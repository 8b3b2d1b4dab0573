"""Tests that a disk that fills during training ends the run with 74, and that it resumes."""

import contextlib
import os
import subprocess
import time

import pytest

from inception_jax import checkpoint
from inception_jax.workdir import jsonl
from tests.faults.runs import INTERVAL, LARGER, finish, lines, start, weights

pytestmark = pytest.mark.faults
OFTEN = ("--config.checkpoint.keep=1", LARGER)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
        problem = done.stderr if done.returncode else ""
    except OSError as e:
        problem = str(e)
    if problem:
        message = f"needs the right to mount a tmpfs: {problem}"
        if os.environ.get("INCEPTION_JAX_REQUIRE_ALL"):
            pytest.fail(message)
        pytest.skip(message)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder, leave):
    """Write a file until only `leave` bytes are free; its path."""
    path = folder / "filler"
    disk = os.statvfs(folder)
    # A save in progress may take the room first; then the disk is full all the same.
    with contextlib.suppress(OSError), path.open("wb") as file:
        file.write(b"\0" * max(0, disk.f_bavail * disk.f_frsize - leave))
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run on a disk with room."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    finish(workdir, *OFTEN)
    return workdir


def last_step(workdir):
    return max((x["step"] for x in jsonl.read(workdir / "metrics.jsonl")), default=0)


def newest(workdir):
    return max(checkpoint.steps(workdir / "checkpoints"), default=0)


@pytest.mark.parametrize("leave", ["not enough", "enough at first", "nothing"])
def test_a_full_disk(small_disk, undisturbed, tmp_path, leave, monkeypatch):
    """Exit 74 before the next save starts; older steps stay; the resumed run is bit-identical.

    With `enough at first` the check for room passes, and the error comes from Orbax in the
    background. With `nothing` a line of the log is cut, and the start with a full disk is a 74 too.
    """
    workdir = small_disk / "run"
    log = tmp_path / "disk" / "run.out"
    if leave == "enough at first":
        hook = tmp_path / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(BLIND)
        monkeypatch.setenv("PYTHONPATH", f"{hook}:{os.environ.get('PYTHONPATH', '')}")
    process = start(workdir, *OFTEN)
    deadline = time.monotonic() + 240
    while last_step(workdir) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None, log.read_text()[-3000:]
    filler = fill(small_disk, leave=0 if leave == "nothing" else 200_000)
    assert process.wait(120) == 74, log.read_text()[-3000:]
    good, reached = newest(workdir), last_step(workdir)
    output = log.read_text()
    assert "no room" in output and "the same command again" in output
    # TensorStore's threads may print about the aborted writes afterwards.
    assert any(x.startswith("inception-jax train: no room") for x in output.splitlines())
    # A step takes 12 ms, and Orbax several to fail; at the latest the next save fails.
    assert good and reached <= good + 2 * INTERVAL + 2
    assert checkpoint.load(workdir)[0] == good
    if leave == "nothing":
        again = start(workdir, *OFTEN, log="again")
        assert again.wait(120) == 74
        assert "Traceback" not in (tmp_path / "disk" / "run.again").read_text()
    filler.unlink()
    finish(workdir, *OFTEN)
    assert (lines(workdir), weights(workdir)) == (lines(undisturbed), weights(undisturbed))


# The check for room always passes, as if another program filled the disk just after it.
BLIND = """
import importlib.abc, sys

class Blind(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "inception_jax.workdir.disk_space":
            return None
        sys.meta_path.remove(self)
        import importlib.util
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def blind(module):
            load(module)
            module.free_bytes = lambda path: 10**15

        spec.loader.exec_module = blind
        return spec

sys.meta_path.insert(0, Blind())
"""
