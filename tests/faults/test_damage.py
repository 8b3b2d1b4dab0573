"""Tests that a damaged newest checkpoint is detected, renamed, and the previous one is used."""

import json
import random
import shutil

import pytest

from inception_jax import checkpoint
from inception_jax.checkpoint import Checkpoints, manifest
from inception_jax.errors import DataError
from tests import saved
from tests.faults.runs import finish, lines, start, weights
from tests.saved import array_file, flip

pytestmark = pytest.mark.faults


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "array file truncated": lambda step: cut(array_file(step)),
    "array file emptied": lambda step: array_file(step).write_bytes(b""),
    "array file deleted": lambda step: array_file(step).unlink(),
    "array file with a bit flipped": lambda step: flip(array_file(step)),
    "array file a byte longer": lambda step: array_file(step).write_bytes(
        array_file(step).read_bytes() + b"\0"
    ),
    "manifest.ocdbt truncated": lambda step: cut(step / "packed/manifest.ocdbt"),
    "manifest.ocdbt with a bit flipped": lambda step: flip(step / "packed/manifest.ocdbt"),
    "manifest.ocdbt deleted": lambda step: (step / "packed/manifest.ocdbt").unlink(),
    "_METADATA truncated": lambda step: cut(step / "packed/_METADATA"),
    "_METADATA deleted": lambda step: (step / "packed/_METADATA").unlink(),
    "item directory gone": lambda step: shutil.rmtree(step / "packed"),
    "index truncated": lambda step: cut(step / "index/metadata"),
    "index of other offsets": lambda step: flip(step / "index/metadata"),
    "log with other numbers": lambda step: (step / "log/metadata").write_text('{"step": 14}'),
    "our manifest.json truncated": lambda step: cut(step / "manifest.json"),
    "our manifest.json deleted": lambda step: (step / "manifest.json").unlink(),
    "our manifest.json of another step": lambda step: shutil.copy(
        step.parent / "10" / "manifest.json", step
    ),
    "all files swapped for another step's": lambda step: [
        shutil.copytree(step.parent / "10" / item, step / item, dirs_exist_ok=True)
        for item in ("packed", "index", "log")
    ],
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Checkpoints of steps 5, 10 and 15."""
    directory = tmp_path_factory.mktemp("damage") / "checkpoints"
    saved.steps(directory, 5, 10, 15)
    return directory


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_previous_step_is_used_and_the_number_saved_again(original, tmp_path, capfd, kind):
    """For each kind of damage: one line, the right state, bad-15, and a new and good 15."""
    directory = shutil.copytree(original, tmp_path / "checkpoints")
    DAMAGE[kind](directory / "15")
    saves = Checkpoints(directory, keep=10)
    assert saves.newest_good() == 10
    (line,) = capfd.readouterr().err.splitlines()
    assert "checkpoint 15 is not good (renamed to bad-15): " in line
    assert "step 10 is used instead" in line
    like = saved.state(15)
    got, log = saves.restore(10, saved.shapes(like))
    assert saved.same(got, saved.state(10)) and log == {"step": 10}
    saves.save(15, like, {"step": 15})
    saves.wait()
    assert saves.newest_good() == 15 and (directory / "bad-15").is_dir()
    got, _ = saves.restore(15, saved.shapes(like))
    assert saved.same(got, like)
    saves.close()


def test_no_random_bit_flip_is_silent(original, tmp_path):
    """200 flips of any bit of the step: all are detected. Orbax alone misses 49 of 60."""
    directory = shutil.copytree(original, tmp_path / "checkpoints")
    files = sorted(p for p in (directory / "15").rglob("*") if p.is_file())
    sizes, rng, silent = [p.stat().st_size for p in files], random.Random(0), []
    for number in range(200):
        # Half of them in any bit, which is mostly in an array; the others in any file.
        path = rng.choices(files, sizes)[0] if number % 2 else rng.choice(files)
        bit = rng.randrange(path.stat().st_size * 8)
        flip(path, bit)
        if not manifest.problems(directory / "15"):
            silent.append((path, bit))
        flip(path, bit)
    assert not silent
    assert not manifest.problems(directory / "15")


def test_a_run_continues_from_the_step_before(tmp_path):
    """A run whose last two steps are damaged ends bit-identical to an undisturbed run."""
    undisturbed, damaged = tmp_path / "undisturbed", tmp_path / "damaged"
    finish(undisturbed)
    more = ("--config.checkpoint.keep=3",)
    finish(damaged, *more)
    directory = damaged / "checkpoints"
    last = checkpoint.steps(directory)[-2:]
    for step in last:
        flip(array_file(directory / str(step)))
    (damaged / "DONE").unlink()
    finish(damaged, *more)
    output = (tmp_path / "damaged.out").read_text()
    assert all(
        f"checkpoint {step} is not good (renamed to bad-{step}): " in output for step in last
    )
    assert (lines(damaged), weights(damaged)) == (lines(undisturbed), weights(undisturbed))
    assert checkpoint.steps(directory)[-2:] == last


def test_all_damaged_ends_with_65(tmp_path):
    """Every call lists them; none is overwritten."""
    workdir = tmp_path / "run"
    finish(workdir)
    directory = workdir / "checkpoints"
    steps = checkpoint.steps(directory)
    for step in steps:
        flip(array_file(directory / str(step)))
    before = (workdir / "metrics.jsonl").read_bytes()
    for _ in range(2):
        assert start(workdir).wait(300) == 65
    output = (tmp_path / "run.out").read_text()
    assert all(output.count(f"step {step}: packed/") == 2 for step in steps)
    assert "Traceback" not in output
    assert checkpoint.steps(directory) == steps
    assert (workdir / "metrics.jsonl").read_bytes() == before
    with pytest.raises(DataError):
        checkpoint.load(workdir)
    events = [json.loads(x) for x in (workdir / "attempts.jsonl").read_text().splitlines()]
    assert events[-1]["event"] == "end"
