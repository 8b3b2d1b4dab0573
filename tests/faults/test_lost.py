"""A process that is gone, frozen or stuck does not hold the others for ever, and is named."""

import signal
import time

import pytest

from tests.faults import runs
from tests.faults.photos import folder_words, pictures, stuck

pytestmark = pytest.mark.faults
HEARTBEAT = 10  # of runs.pair


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run of two processes that nothing happened to."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    runs.finish(workdir, processes=2)
    return workdir


def timed_codes(processes, seconds=60):
    """The exit codes, and how long it took until the last had ended."""
    began = time.monotonic()
    return runs.codes(processes, seconds), time.monotonic() - began


@pytest.mark.parametrize("lost", [1, 0], ids=["another", "the first"])
def test_killed(undisturbed, tmp_path, lost):
    """One is killed with -9: the other ends with 70 within heartbeat + 5 s; resumed, bit-equal."""
    workdir = tmp_path / "run"
    processes = runs.pair(workdir)
    runs.wait_for_step(workdir, 14, processes)
    processes[lost].kill()
    codes, seconds = timed_codes(processes)
    assert codes[lost] == -signal.SIGKILL and codes[1 - lost] == 70
    if lost:  # the first one keeps the books
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
    """One is alive but waits for an image: the watchdog ends both with 70, and says where it waits.

    JAX's heartbeat goes on in such a process, so that without the watchdog nothing ever ends.
    """
    images = pictures(tmp_path / "images")
    words = (*folder_words(images), "--config.train.watchdog=5")
    runs.finish(tmp_path / "calm", *words, processes=2)
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
    assert "no step for" in runs.said(workdir, 0) + runs.said(workdir, 1)
    assert runs.attempts(workdir)[-1][2] == 70
    runs.finish(workdir, *words, processes=2)
    assert runs.lines(workdir) == runs.lines(tmp_path / "calm")


def test_one_does_not_come(tmp_path):
    """The first waits for as long as it was told to, then names who is missing: 70."""
    workdir = tmp_path / "run"
    process = runs.start(workdir, "--patience=3", job=(runs.port(), 3, 0))
    assert runs.codes([process], 60) == [70]
    text = runs.said(workdir, 0)
    assert "processes 1, 2 of 3 did not connect within 3 s" in text
    assert "Traceback" not in text and not workdir.exists()


def test_the_first_does_not_come(tmp_path):
    """The others say where they expected it: 70."""
    workdir, at = tmp_path / "run", runs.port()
    process = runs.start(workdir, "--patience=3", job=(at, 3, 2))
    assert runs.codes([process], 60) == [70]
    text = runs.said(workdir, 2)
    assert "process 2 got no answer from process 0 within 3 s" in text and f"127.0.0.1:{at}" in text


def test_another_config_is_refused(tmp_path):
    """Two processes with different configs: both end with 78 at once, naming the key."""
    workdir, at = tmp_path / "run", runs.port()
    processes = [
        runs.start(workdir, f"--config.optim.lr={0.1 * (1 + i)}", job=(at, 2, i)) for i in range(2)
    ]
    codes, seconds = timed_codes(processes)
    assert codes == [78, 78] and seconds < 20
    for i in range(2):
        assert "optim.lr: 0.1 on" in runs.said(workdir, i)
    assert not workdir.exists()


def test_an_error_of_one_ends_all(tmp_path):
    """One reads too many bad images: both end with its exit code, 65, and its words."""
    images = pictures(tmp_path / "images")
    for path in (images / "train" / "cat").glob("*.png"):
        path.write_bytes(b"no image")
    workdir = tmp_path / "run"
    processes = runs.pair(workdir, *folder_words(images))
    codes, _ = timed_codes(processes, 120)
    assert codes == [65, 65]
    for i in range(2):
        assert "train/cat/" in runs.said(workdir, i)
