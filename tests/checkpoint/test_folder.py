"""Tests how the newest good step is found, and damaged ones are renamed."""

import os
from pathlib import Path

import pytest

from inception_jax import checkpoint, cli
from inception_jax.checkpoint import Checkpoints
from inception_jax.errors import DataError
from tests import saved


def test_a_damaged_step_is_put_aside(run, capfd):
    """One line says which file is wrong and what is used instead; its number is saved again."""
    directory = run / "checkpoints"
    damaged = saved.array_file(directory / "15")
    saved.flip(damaged)
    saves = Checkpoints(directory, keep=3)
    assert saves.newest_good() == 10
    (line,) = capfd.readouterr().err.splitlines()
    for text in ("15 is not good", damaged.name, "sha256", "bad-15", "step 10 is used"):
        assert text in line
    saves.save(15, saved.state(15), {"again": True})
    saves.wait()
    assert saves.newest_good() == 15
    saved.flip(saved.array_file(directory / "15"))
    assert saves.newest_good() == 10
    assert {p.name for p in directory.iterdir()} == {"5", "10", "bad-15", "bad-15.1"}
    saves.close()


def test_all_damaged_ends_with_65(run):
    """Nothing is renamed, so that no later call starts afresh over them."""
    directory = run / "checkpoints"
    for step in (5, 10, 15):
        saved.flip(saved.array_file(directory / str(step)))
    for _ in range(2):
        with pytest.raises(DataError, match="none of these is") as error:
            Checkpoints(directory, keep=3).newest_good()
        assert all(f"step {step}: " in str(error.value) for step in (5, 10, 15))
    assert checkpoint.steps(directory) == [5, 10, 15]


ODD = ("²", "0050", "bad-x", "+50", " 50", "50.savin", os.fsdecode(b"\xff"), "a\nb", "9" * 200)


def test_odd_entries_are_named_once_and_passed_over(run, capfd):
    """They end no command; what a save needs out of its way is removed or renamed."""
    directory = run / "checkpoints"
    for name in ODD:
        (directory / name).mkdir()
    (directory / "20.saving").symlink_to("15")
    (directory / "15.deleting").touch()
    os.mkfifo(directory / "20")
    saves = Checkpoints(directory, keep=2)
    assert saves.newest_good() == 15
    (*removed, passed, bad) = capfd.readouterr().err.splitlines()
    assert "passed over" in passed and f"and {len(ODD) - 5} more" in passed and len(removed) == 2
    assert "20 is not good (renamed to bad-20): 20: expected a folder, found a FIFO" in bad
    os.mkfifo(directory / "20")  # while it trains
    (directory / "20.saving").touch()
    (directory / "5.deleting").touch()
    (directory / "99").mkdir()
    saves.save(20, saved.state(20), {})
    saves.wait()
    assert saves.steps() == [15, 20, 99] and saves.newest_good() == 20
    assert "passed over" not in capfd.readouterr().err
    saves.close()


def test_the_newest_good_step_before_another(run):
    """A rollback restores only what is good; with none, nothing is renamed."""
    saved.flip(saved.array_file(run / "checkpoints" / "10"))
    saves = Checkpoints(run / "checkpoints", keep=3)
    assert saves.newest_good(before=15) == 5 and saves.steps() == [5, 15]
    assert saves.newest_good(before=5) is None
    saved.flip(saved.array_file(run / "checkpoints" / "5"))
    with pytest.raises(DataError, match="none of these is"):
        saves.newest_good(before=15)
    assert saves.steps() == [5, 15]


def test_no_steps_is_none(tmp_path):
    """A fresh run has nothing to go on from, and leftovers of a killed first save are nothing."""
    saves = Checkpoints(tmp_path / "new", keep=1)
    assert (saves.newest_good(), saves.latest, saves.steps()) == (None, None, [])
    (tmp_path / "new" / "1.saving.orbax-checkpoint-tmp" / "packed").mkdir(parents=True)
    (tmp_path / "new" / "1.saving").mkdir()
    (tmp_path / "new" / "0.deleting").mkdir()
    assert saves.newest_good() is None
    assert not list((tmp_path / "new").iterdir())


def test_a_step_without_manifest_is_not_good(run, capfd):
    """It may have been deleted to hide damage, or the copy was cut short; it gets no new one."""
    (run / "checkpoints" / "15" / "manifest.json").unlink()
    assert Checkpoints(run / "checkpoints", keep=3).newest_good() == 10
    assert "manifest.json: missing" in capfd.readouterr().err
    for step in (5, 10):
        (run / "checkpoints" / str(step) / "manifest.json").unlink()
    for read in (lambda: checkpoint.load(run), Checkpoints(run / "checkpoints", 3).newest_good):
        with pytest.raises(DataError, match=r"none of these is:\n  step 10: .*: missing"):
            read()
    assert not [p for p in run.rglob("manifest.json") if "bad-15" not in p.parts]


def test_a_relative_workdir(run, monkeypatch, capsys):
    """Every reader takes the path as a user gives it; Orbax takes absolute ones only."""
    monkeypatch.chdir(run.parent)
    relative = Path(run.name)
    assert checkpoint.load(relative)[0] == 15 and checkpoint.load(relative, 5)[0] == 5
    shapes = saved.shapes(saved.state(15))
    saves = Checkpoints(relative / "checkpoints", keep=3)
    assert saves.newest_good() == 15
    assert saved.same(saves.restore(15, shapes)[0], saved.state(15))
    saves.close()
    assert cli.main(["ckpt", "verify", run.name]) == 0
    assert cli.main(["ckpt", "diff", f"{run.name}@5", run.name]) == 1
    assert "params" in capsys.readouterr().out
    checkpoint.write(Path("made"), {"params": saved.state(1)["params"]})
    assert checkpoint.load(Path("made"))[0] == 0
