"""Tests `inception_jax/train/rollback.py`: where a run goes back to, and what holds from there."""

from types import SimpleNamespace

import pytest

from inception_jax.errors import DivergedError
from inception_jax.train.rollback import Rollbacks


class Saves:
    """Steps that are saved."""

    def __init__(self, *steps):
        self.there = list(steps)

    def wait(self):
        """All is on the disk."""

    def steps(self):
        """Oldest first."""
        return sorted(self.there)

    def set_aside(self, step, reason):
        """Removes one."""
        self.there.remove(step)


def diverged(step):
    """What the loop raises."""
    error = DivergedError(f"step {step}")
    error.step = step
    return error


def section(mode="rollback", most=3, factor=0.5):
    """The `train` section."""
    return SimpleNamespace(on_divergence=mode, rollbacks=most, rollback_factor=factor)


def test_back_and_past_the_batches(tmp_path):
    """Step 25 of the run read batch 25; the step after 20 then reads batch 26."""
    back = Rollbacks(tmp_path / "r.jsonl", section())
    assert back.in_force(0) == (0, 1.0)
    assert back.add(diverged(25), Saves(10, 20)) == 20
    assert back.in_force(20) == (5, 0.5) and back.in_force(19) == (0, 1.0)
    # Batch 31 + 5 was bad: the step after 30 reads batch 37.
    assert back.add(diverged(31), Saves(20, 30)) == 30
    assert back.in_force(30) == (6, 0.25)
    # A killed run reads the same from the file.
    again = Rollbacks(tmp_path / "r.jsonl", section())
    assert again.in_force(30) == (6, 0.25) and again.in_force(25) == (5, 0.5)


def test_twice_from_the_same_goes_further_back(tmp_path):
    """A checkpoint that led twice to a divergence is put aside."""
    back, saves = Rollbacks(tmp_path / "r.jsonl", section()), Saves(10, 20)
    assert back.add(diverged(25), saves) == 20
    assert back.add(diverged(23), saves) == 10
    assert saves.steps() == [10]
    with pytest.raises(DivergedError, match="no older checkpoint"):
        back.add(diverged(13), saves)
    assert saves.steps() == [10], "the last one stays"


@pytest.mark.parametrize(
    ("mode", "most", "steps", "says"),
    [("stop", 3, (10,), "^step 15$"), ("rollback", 3, (), "no older checkpoint"),
     ("rollback", 3, (15,), "no older checkpoint"),
     ("rollback", 0, (10,), "train.rollbacks=0 is reached")],
)  # fmt: skip
def test_where_it_stops_instead(tmp_path, mode, most, steps, says):
    """By the config, for want of a checkpoint, or after too many; nothing is noted."""
    back = Rollbacks(tmp_path / "r.jsonl", section(mode, most))
    with pytest.raises(DivergedError, match=says) as error:
        back.add(diverged(15), Saves(*steps))
    assert error.value.step == 15 and not (tmp_path / "r.jsonl").exists()
