"""Tests that SIGTERM at any time, to any process, saves, exits with 75 and repeats no step."""

import signal
import time

import pytest

from tests.faults import runs
from tests.faults.photos import folder_words, pictures, stuck

pytestmark = pytest.mark.faults
SECONDS = 10.0  # from the signal to the end of the last process
# Evaluation one image at a time, so that a signal can come during it.
SLOW = "--config.eval.batch_size=2"


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "two processes"])
def undisturbed(request, tmp_path_factory):
    """The number of processes, and an undisturbed run with as many."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    runs.finish(workdir, SLOW, processes=request.param)
    return request.param, workdir


def begin(workdir, count, *more, **env):
    """Start the processes of a run."""
    return runs.pair(workdir, *more, **env) if count == 2 else [runs.start(workdir, *more, **env)]


def stop(processes, number=signal.SIGTERM, only=None):
    """Signal all processes, or one; their exit codes, and the seconds until they ended."""
    began = time.monotonic()
    for i, process in enumerate(processes):
        if only in (None, i):
            process.send_signal(number)
    return runs.exit_codes(processes, 60), time.monotonic() - began


def log(workdir, count):
    """What process 0 has printed."""
    return runs.output(workdir, 0 if count == 2 else None)


def check_the_end(workdir, count, undisturbed, *more):
    """The run continues where it stopped, and ends as the undisturbed one."""
    runs.finish(workdir, *more, processes=count)
    *before, last = runs.attempts(workdir)
    assert last[0] == before[-1][1], "no step is repeated"
    assert runs.lines(workdir) == runs.lines(undisturbed)
    assert runs.weights(workdir) == runs.weights(undisturbed)


def check_stopped(workdir, count, codes, seconds):
    """Every process ended with 75 in time, with a line, not a traceback."""
    assert codes == [75] * count
    assert seconds <= SECONDS
    text = log(workdir, count)
    assert "the same command resumes" in text and "Traceback" not in text
    assert runs.attempts(workdir)[-1][2] == 75


def test_while_training(undisturbed, tmp_path):
    """The current step is finished and saved; Ctrl-C has the same effect."""
    count, reference = undisturbed
    number = signal.SIGTERM if count == 2 else signal.SIGINT
    workdir = tmp_path / "run"
    processes = begin(workdir, count, SLOW)
    runs.wait_for_step(workdir, 8, processes)
    check_stopped(workdir, count, *stop(processes, number))
    assert runs.attempts(workdir)[-1][1] >= 8
    check_the_end(workdir, count, reference, SLOW)


def test_while_compiling(undisturbed, tmp_path):
    """Before the first step there is nothing to save, and the compiler is not waited for."""
    count, reference = undisturbed
    workdir = tmp_path / "run"
    processes = begin(workdir, count, SLOW, JAX_COMPILATION_CACHE_DIR="")
    runs.wait_until(lambda: "steps of" in log(workdir, count), processes)
    check_stopped(workdir, count, *stop(processes))
    assert runs.attempts(workdir) == [(0, 0, 75)]
    check_the_end(workdir, count, reference, SLOW)


def test_while_evaluating(undisturbed, tmp_path):
    """The evaluation is aborted, the state saved; the resumed run evaluates that step first."""
    count, reference = undisturbed
    workdir = tmp_path / "run"
    processes = begin(workdir, count, SLOW)
    runs.wait_for_step(workdir, 15, processes)
    time.sleep(0.2)
    check_stopped(workdir, count, *stop(processes))
    assert runs.attempts(workdir)[-1][1] == 15
    assert not runs.counts(workdir), "the signal was too late: it was evaluated"
    check_the_end(workdir, count, reference, SLOW)


def test_while_saving(undisturbed, tmp_path):
    """A save in progress is finished, and so is the one after it."""
    count, reference = undisturbed
    workdir = tmp_path / "run"
    folder = workdir / "checkpoints"
    processes = begin(workdir, count, SLOW)
    runs.wait_for_step(workdir, 5, processes)
    runs.wait_until(
        lambda: any(not (p / "manifest.json").exists() for p in folder.glob("[0-9]*")), processes
    )
    check_stopped(workdir, count, *stop(processes))
    check_the_end(workdir, count, reference, SLOW)


@pytest.mark.parametrize("only", [0, 1])
def test_to_one_process_only(tmp_path, only):
    """Both save the same step."""
    workdir = tmp_path / "run"
    processes = runs.pair(workdir)
    runs.wait_for_step(workdir, 8, processes)
    check_stopped(workdir, 2, *stop(processes, only=only))
    runs.finish(workdir, processes=2)
    *before, last = runs.attempts(workdir)
    assert last[0] == before[-1][1]


@pytest.mark.parametrize("count", [1, 2])
def test_while_waiting_for_an_image(tmp_path, count):
    """A reader is blocked by the file system: the image is not waited for, no step is lost."""
    images = pictures(tmp_path / "images")
    words = folder_words(images)
    runs.finish(tmp_path / "undisturbed", *words, processes=count)
    workdir = tmp_path / "run"
    processes = begin(workdir, count, *words)
    runs.wait_for_step(workdir, 1, processes)
    with stuck(images):
        # Until no further step is logged: the next one is blocked.
        moved = [-2]

        def still():
            time.sleep(1.5)
            before, moved[0] = moved[0], runs.newest(workdir)
            return moved[0] == before >= 0

        runs.wait_until(still, processes)
        check_stopped(workdir, count, *stop(processes))
    check_the_end(workdir, count, tmp_path / "undisturbed", *words)
