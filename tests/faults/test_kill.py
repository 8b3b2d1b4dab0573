"""`kill -9` at any moment costs the steps since the last checkpoint, and not one bit."""

import os
import random
import time

import pytest

from tests.faults import runs

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("INCEPTION_JAX_KILLS", "10"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run that nothing happened to."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    runs.finish(workdir)
    return workdir


def whole(workdir):
    """The newest step that is wholly on the disk; 0 without one."""
    found = (workdir / "checkpoints").glob("*/manifest.json")
    return max((int(p.parent.name) for p in found if p.parent.name.isdigit()), default=0)


def same(workdir, undisturbed):
    """Every line, every count and every bit of the weights."""
    assert runs.lines(workdir) == runs.lines(undisturbed)
    assert runs.weights(workdir) == runs.weights(undisturbed)


def test_at_random_points(undisturbed, tmp_path):
    """10 kills (INCEPTION_JAX_KILLS for more): 0 losses differ, the final state is bit-equal.

    Each attempt goes on from the newest checkpoint, of at most a save interval before the kill (and
    the steps done while that save was on its way).
    """
    workdir, rng, lost = tmp_path / "killed", random.Random(), []
    for kill in range(KILLS):
        process = runs.start(workdir)
        begun = runs.newest(workdir)
        more = rng.randint(1, max(1, (60 - max(begun, 0)) // (KILLS - kill)))
        runs.wait_for_step(workdir, max(begun, 0) + more, [process])
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
        lost.append((runs.newest(workdir), whole(workdir)))
    runs.finish(workdir)
    same(workdir, undisturbed)
    starts = [first for first, _, _ in runs.attempts(workdir)]
    assert starts == [0, *(kept for _, kept in lost)]
    repeated = [max(0, last - kept) for last, kept in lost]
    assert max(repeated) <= 2 * runs.INTERVAL, repeated
    print(f"{KILLS} kills repeated {sum(repeated)} steps: {repeated}")


def test_during_a_save(undisturbed, tmp_path):
    """Killed 10 times while a checkpoint is half written: 10 of 10 resume from the one before."""
    workdir, halves = tmp_path / "half", 0
    folder = workdir / "checkpoints"
    for kill in range(10):
        before = whole(workdir)
        process = runs.start(workdir)
        seen = set(folder.glob("*")) if folder.exists() else set()

        def half(seen=seen, before=before):
            """Something is there that is no whole step."""
            new = set(folder.glob("*")) - seen
            return any(not (p / "manifest.json").exists() for p in new)

        runs.wait_until(half, [process])
        process.kill()
        process.wait()
        halves += whole(workdir) == before
        resumed = runs.attempts(workdir)
        assert resumed[-1][0] == before, f"kill {kill}"
    runs.finish(workdir)
    same(workdir, undisturbed)
    assert halves >= 5, "the kills came too late to hit a save"
    assert not list(folder.glob("*tmp*")), "what killed saves left is gone"


def test_resumed_twice_in_a_row(undisturbed, tmp_path):
    """The data goes on where it was after the second resume too."""
    workdir = tmp_path / "twice"
    for step in (8, 21):
        process = runs.start(workdir)
        runs.wait_for_step(workdir, step, [process])
        process.kill()
        process.wait()
    runs.finish(workdir)
    same(workdir, undisturbed)
