"""Tests that a run killed with -9 at any moment resumes bit-identically from a checkpoint."""

import os
import random
import time

import pytest

from tests.faults import runs

pytestmark = pytest.mark.faults
MONITORS = "--config.log.monitors=true"  # their lines too are those of an uninterrupted run
KILLS = int(os.environ.get("INCEPTION_JAX_KILLS", "10"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run without faults."""
    workdir = tmp_path_factory.mktemp("runs") / "undisturbed"
    runs.finish(workdir, MONITORS)
    return workdir


def newest_complete(workdir):
    """The newest step with a manifest; 0 without one."""
    found = (workdir / "checkpoints").glob("*/manifest.json")
    return max((int(p.parent.name) for p in found if p.parent.name.isdigit()), default=0)


def assert_same(workdir, undisturbed):
    """All metrics and every bit of the weights are equal."""
    assert runs.lines(workdir) == runs.lines(undisturbed)
    assert runs.weights(workdir) == runs.weights(undisturbed)


def test_at_random_points(undisturbed, tmp_path):
    """10 kills (or INCEPTION_JAX_KILLS): all losses are equal, the final state is bit-identical.

    Each attempt continues from the newest checkpoint, at most a save interval (and the steps during
    that save) before the kill.
    """
    workdir, rng, lost = tmp_path / "killed", random.Random(), []
    for kill in range(KILLS):
        process = runs.start(workdir, MONITORS)
        first = runs.newest(workdir)
        more = rng.randint(1, max(1, (60 - max(first, 0)) // (KILLS - kill)))
        runs.wait_for_step(workdir, max(first, 0) + more, [process])
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
        lost.append((runs.newest(workdir), newest_complete(workdir)))
    runs.finish(workdir, MONITORS)
    assert_same(workdir, undisturbed)
    starts = [start for start, _, _ in runs.attempts(workdir)]
    assert starts == [0, *(kept for _, kept in lost)]
    repeated = [max(0, last - kept) for last, kept in lost]
    assert max(repeated) <= 2 * runs.INTERVAL, repeated
    print(f"{KILLS} kills repeated {sum(repeated)} steps: {repeated}")


def test_during_a_save(undisturbed, tmp_path):
    """Killed 10 times during a save: all 10 resume from the step before."""
    workdir, halves = tmp_path / "half", 0
    folder = workdir / "checkpoints"
    for kill in range(10):
        before = newest_complete(workdir)
        process = runs.start(workdir, MONITORS)
        seen = set(folder.glob("*")) if folder.exists() else set()

        def half(seen=seen, before=before):
            """Whether there is a new entry without a manifest."""
            new = set(folder.glob("*")) - seen
            return any(not (p / "manifest.json").exists() for p in new)

        runs.wait_until(half, [process])
        process.kill()
        process.wait()
        halves += newest_complete(workdir) == before
        resumed = runs.attempts(workdir)
        assert resumed[-1][0] == before, f"kill {kill}"
    runs.finish(workdir, MONITORS)
    assert_same(workdir, undisturbed)
    assert halves >= 5, "the kills were too late to hit a save"
    assert not list(folder.glob("*tmp*")), "leftovers of killed saves are removed"
