"""SIGTERM saves, exits 75 within seconds and repeats nothing: whenever it comes, to whomever."""

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
    """The number of processes, and a run of as many that nothing happened to."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    runs.finish(workdir, SLOW, processes=request.param)
    return request.param, workdir


def begin(workdir, count, *more, **env):
    """The processes of a run."""
    return runs.pair(workdir, *more, **env) if count == 2 else [runs.start(workdir, *more, **env)]


def stop(processes, number=signal.SIGTERM, only=None):
    """Signals all processes, or one; their exit codes, and how long it took."""
    began = time.monotonic()
    for i, process in enumerate(processes):
        if only in (None, i):
            process.send_signal(number)
    return runs.codes(processes, 60), time.monotonic() - began


def log(workdir, count):
    """What the first process has printed."""
    return runs.said(workdir, 0 if count == 2 else None)


def check_the_end(workdir, count, undisturbed, *more):
    """The run goes on where it stopped, and ends as one that nothing happened to."""
    runs.finish(workdir, *more, processes=count)
    *before, last = runs.attempts(workdir)
    assert last[0] == before[-1][1], "no step is done twice"
    assert runs.lines(workdir) == runs.lines(undisturbed)
    assert runs.weights(workdir) == runs.weights(undisturbed)


def check_stopped(workdir, count, codes, seconds):
    """Every process ended with 75 in time, and said so in a line, not in a traceback."""
    assert codes == [75] * count
    assert seconds <= SECONDS
    text = log(workdir, count)
    assert "the same command resumes" in text and "Traceback" not in text
    assert runs.attempts(workdir)[-1][2] == 75


def test_while_training(undisturbed, tmp_path):
    """The step under way is finished and saved; a person's Ctrl-C does the same."""
    count, calm = undisturbed
    number = signal.SIGTERM if count == 2 else signal.SIGINT
    workdir = tmp_path / "run"
    processes = begin(workdir, count, SLOW)
    runs.wait_for_step(workdir, 8, processes)
    check_stopped(workdir, count, *stop(processes, number))
    assert runs.attempts(workdir)[-1][1] >= 8
    check_the_end(workdir, count, calm, SLOW)


def test_while_compiling(undisturbed, tmp_path):
    """Before the first step there is nothing to save, and nobody waits for the compiler."""
    count, calm = undisturbed
    workdir = tmp_path / "run"
    processes = begin(workdir, count, SLOW, JAX_COMPILATION_CACHE_DIR="")
    runs.wait_until(lambda: "steps of" in log(workdir, count), processes)
    check_stopped(workdir, count, *stop(processes))
    assert runs.attempts(workdir) == [(0, 0, 75)]
    check_the_end(workdir, count, calm, SLOW)


def test_while_evaluating(undisturbed, tmp_path):
    """The evaluation is given up, the state saved; the resumed run evaluates that step first."""
    count, calm = undisturbed
    workdir = tmp_path / "run"
    processes = begin(workdir, count, SLOW)
    runs.wait_for_step(workdir, 15, processes)
    time.sleep(0.2)
    check_stopped(workdir, count, *stop(processes))
    assert runs.attempts(workdir)[-1][1] == 15
    assert not runs.counts(workdir), "the signal came too late: it was evaluated"
    check_the_end(workdir, count, calm, SLOW)


def test_while_saving(undisturbed, tmp_path):
    """A save that is under way is finished, and so is the one after it."""
    count, calm = undisturbed
    workdir = tmp_path / "run"
    folder = workdir / "checkpoints"
    processes = begin(workdir, count, SLOW)
    runs.wait_for_step(workdir, 5, processes)
    runs.wait_until(
        lambda: any(not (p / "manifest.json").exists() for p in folder.glob("[0-9]*")), processes
    )
    check_stopped(workdir, count, *stop(processes))
    check_the_end(workdir, count, calm, SLOW)


@pytest.mark.parametrize("only", [0, 1])
def test_to_one_process_only(tmp_path, only):
    """Both save the same step: what one is told, all know a step later."""
    workdir = tmp_path / "run"
    processes = runs.pair(workdir)
    runs.wait_for_step(workdir, 8, processes)
    check_stopped(workdir, 2, *stop(processes, only=only))
    runs.finish(workdir, processes=2)
    *before, last = runs.attempts(workdir)
    assert last[0] == before[-1][1]


@pytest.mark.parametrize("count", [1, 2])
def test_while_waiting_for_an_image(tmp_path, count):
    """The file system hangs under one process: nobody waits for the image, no step is lost."""
    images = pictures(tmp_path / "images")
    words = folder_words(images)
    runs.finish(tmp_path / "calm", *words, processes=count)
    workdir = tmp_path / "run"
    processes = begin(workdir, count, *words)
    runs.wait_for_step(workdir, 1, processes)
    with stuck(images):
        # The step before the one that never gets its images; a little later nothing moves.
        moved = [-2]

        def still():
            time.sleep(1.5)
            before, moved[0] = moved[0], runs.newest(workdir)
            return moved[0] == before >= 0

        runs.wait_until(still, processes)
        check_stopped(workdir, count, *stop(processes))
    check_the_end(workdir, count, tmp_path / "calm", *words)
