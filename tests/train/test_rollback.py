"""Tests `inception_jax/train/rollback.py`: which checkpoint, shift and learning rate."""

from types import SimpleNamespace

import pytest

from inception_jax.errors import DivergedError
from inception_jax.train.rollback import Rollbacks


class Saves:
    """Steps that are saved."""

    def __init__(self, *steps):
        self.saved = list(steps)

    def wait(self):
        """All saves are complete."""

    def newest_good(self, before):
        """The last one before a step."""
        return max((s for s in self.saved if s < before), default=None)

    def set_aside(self, step, reason):
        """Removes one."""
        self.saved.remove(step)


def diverged(step):
    """The loop's error."""
    error = DivergedError(f"step {step}")
    error.step = step
    return error


def section(mode="rollback", most=3, factor=0.5):
    """The `train` section."""
    return SimpleNamespace(on_divergence=mode, rollbacks=most, rollback_factor=factor)


def test_a_rollback_skips_the_batches(tmp_path):
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


def test_the_second_rollback_to_a_checkpoint_uses_an_older_one(tmp_path):
    """A checkpoint that led twice to a divergence is renamed."""
    back, saves = Rollbacks(tmp_path / "r.jsonl", section()), Saves(10, 20)
    assert back.add(diverged(25), saves) == 20
    assert back.add(diverged(23), saves) == 10
    assert saves.saved == [10]
    with pytest.raises(DivergedError, match="no older checkpoint"):
        back.add(diverged(13), saves)
    assert saves.saved == [10], "the last one stays"


@pytest.mark.parametrize(
    ("mode", "most", "steps", "message"),
    [("stop", 3, (10,), "^step 15$"), ("rollback", 3, (), "no older checkpoint"),
     ("rollback", 3, (15,), "no older checkpoint"),
     ("rollback", 0, (10,), "train.rollbacks=0 is reached")],
)  # fmt: skip
def test_divergence_ends_the_run(tmp_path, mode, most, steps, message):
    """By the config, without a checkpoint, or after too many; nothing is written."""
    back = Rollbacks(tmp_path / "r.jsonl", section(mode, most))
    with pytest.raises(DivergedError, match=message) as error:
        back.add(diverged(15), Saves(*steps))
    assert error.value.step == 15 and not (tmp_path / "r.jsonl").exists()
