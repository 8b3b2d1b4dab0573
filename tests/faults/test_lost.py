"""Tests that a dead, frozen or stuck process ends the others soon, with its name."""

import signal
import time

import pytest

from tests.faults import runs
from tests.faults.photos import folder_words, pictures, stuck

pytestmark = pytest.mark.faults
HEARTBEAT = 10  # of runs.pair


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run of two processes without faults."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    runs.finish(workdir, processes=2)
    return workdir


def timed_codes(processes, seconds=60):
    """The exit codes, and the seconds until the last process had ended."""
    began = time.monotonic()
    return runs.exit_codes(processes, seconds), time.monotonic() - began


@pytest.mark.parametrize("lost", [1, 0], ids=["another", "the first"])
def test_killed(undisturbed, tmp_path, lost):
    """One is killed with -9: the other ends with 70 within heartbeat + 5 s; bit-identical."""
    workdir = tmp_path / "run"
    processes = runs.pair(workdir)
    runs.wait_for_step(workdir, 14, processes)
    processes[lost].kill()
    codes, seconds = timed_codes(processes)
    assert codes[lost] == -signal.SIGKILL and codes[1 - lost] == 70
    if lost:  # process 0 writes the attempts
        assert runs.attempts(workdir)[0][2] == 70
    assert seconds <= HEARTBEAT + 5
    print(f"ended after {seconds:.1f} s with {codes}")
    runs.finish(workdir, processes=2)
    assert runs.lines(workdir) == runs.lines(undisturbed)
    assert runs.weights(workdir) == runs.weights(undisturbed)


@pytest.mark.parametrize("lost", [1, 0], ids=["another", "the first"])
def test_frozen(tmp_path, lost):
    """One is stopped (SIGSTOP: a host that swaps, a dead network): the other ends within 15 s."""
    workdir = tmp_path / "run"
    processes = runs.pair(workdir)
    runs.wait_for_step(workdir, 8, processes)
    processes[lost].send_signal(signal.SIGSTOP)
    codes, seconds = timed_codes([processes[1 - lost]])
    processes[lost].kill()
    processes[lost].wait()
    assert codes[0] != 0 and seconds <= 15
    print(f"ended after {seconds:.1f} s with {codes}")


def test_stuck(tmp_path):
    """One is alive but blocked on an image: the watchdog ends both with 70, and writes its stacks.

    JAX's heartbeat continues in such a process: without the watchdog the job would never end.
    """
    images = pictures(tmp_path / "images")
    words = (*folder_words(images), "--config.train.watchdog=5")
    runs.finish(tmp_path / "undisturbed", *words, processes=2)
    workdir = tmp_path / "run"
    processes = runs.pair(workdir, *words)
    runs.wait_for_step(workdir, 1, processes)
    with stuck(images):
        codes, _ = timed_codes(processes, 180)
        silent = time.time() - (workdir / "metrics.jsonl").stat().st_mtime
    assert codes == [70, 70]
    assert silent <= 5 + 5
    stacks = "".join(p.read_text() for p in workdir.glob("stacks-*.txt"))
    assert "Thread" in stacks and "loop.py" in stacks
    assert "no step for" in runs.output(workdir, 0) + runs.output(workdir, 1)
    assert runs.attempts(workdir)[-1][2] == 70
    runs.finish(workdir, *words, processes=2)
    assert runs.lines(workdir) == runs.lines(tmp_path / "undisturbed")


def test_missing_workers(tmp_path):
    """Process 0 waits for --patience, then lists the missing processes: 70."""
    workdir = tmp_path / "run"
    process = runs.start(workdir, "--patience=3", job=(runs.port(), 3, 0))
    assert runs.exit_codes([process], 60) == [70]
    text = runs.output(workdir, 0)
    assert "processes 1, 2 of 3 did not connect within 3 s" in text
    assert "Traceback" not in text and not workdir.exists()


def test_missing_coordinator(tmp_path):
    """The workers have the address at which they expected it: 70."""
    workdir, at = tmp_path / "run", runs.port()
    process = runs.start(workdir, "--patience=3", job=(at, 3, 2))
    assert runs.exit_codes([process], 60) == [70]
    text = runs.output(workdir, 2)
    assert "process 2 got no answer from process 0 within 3 s" in text and f"127.0.0.1:{at}" in text


def test_another_config_is_refused(tmp_path):
    """Two processes of a job with different configs: both end with 78, the key and their value."""
    workdir, at = tmp_path / "run", runs.port()
    processes = [
        runs.start(workdir, f"--config.optim.lr={lr}", job=(at, 2, i), INCEPTION_JAX_JOB_TOKEN="a")
        for i, lr in enumerate((0.1, 0.2))
    ]
    codes, seconds = timed_codes(processes)
    assert codes == [78, 78] and seconds < 20
    for i, lr in enumerate((0.1, 0.2)):
        assert f"differ in optim.lr ({lr} here)" in runs.output(workdir, i)
    assert not workdir.exists()


def test_an_error_of_one_ends_all(tmp_path):
    """One reads too many bad images: both end with its exit code, 65, and its message."""
    images = pictures(tmp_path / "images")
    for path in (images / "train" / "cat").glob("*.png"):
        path.write_bytes(b"no image")
    workdir = tmp_path / "run"
    processes = runs.pair(workdir, *folder_words(images))
    codes, _ = timed_codes(processes, 120)
    assert codes == [65, 65]
    for i in range(2):
        assert "train/cat/" in runs.output(workdir, i)
