"""Tests that no change of a saved file is overlooked."""

import json
import os
import shutil
import time

import jax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax import checkpoint, cli
from inception_jax.checkpoint import manifest
from tests import saved


def test_every_file_is_in_the_manifest(original):
    """With size and sum, and who wrote it: nothing of a step is believed unseen."""
    folder = original / "checkpoints" / "15"
    found = manifest.read(folder)
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(found["files"]) == files - {"manifest.json"}
    assert (found["step"], found["processes"], found["mesh"]) == (15, 1, {"data": 1, "model": 1})
    assert found["jax"] == jax.__version__ and abs(found["time"] - time.time()) < 1e5


@given(st.data())
def test_no_flipped_bit_is_overlooked(original, data):
    """Any bit of any file, the manifest's blanks included."""
    folder = original / "checkpoints" / "15"
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    path = data.draw(st.sampled_from(files))
    bit = data.draw(st.integers(0, path.stat().st_size * 8 - 1))
    saved.flip(path, bit)
    try:
        assert manifest.problems(folder)
    finally:
        saved.flip(path, bit)
    assert not manifest.problems(folder)


def test_the_manifest_vouches_for_itself(run):
    """Each of its own bits counts, in a blank or a version, too; no other file is read for that."""
    folder = run / "checkpoints" / "15"
    whole = (folder / "manifest.json").read_bytes()
    for bit in range(0, len(whole) * 8, 61):
        saved.flip(folder / "manifest.json", bit)
        assert manifest.problems(folder, sums=False), bit
        (folder / "manifest.json").write_bytes(whole)
    assert not manifest.problems(folder, sums=False)


def replaced_by_a_link(path):
    """A link to an identical copy elsewhere."""
    path.symlink_to(path.rename(path.parents[4] / "elsewhere"))


def replaced_step(step, make):
    """Something else under the step's name; its files are elsewhere."""
    make(step, step.rename(step.parents[1] / "elsewhere"))


FILE = {"a": {"size": 1, "sha256": "0"}}
NOT_GOOD = {
    "no manifest": (lambda s: (s / "manifest.json").unlink(), "missing"),
    "names no files": (lambda s: saved.signed(s, files={}), "names no files"),
    "files of another shape": (lambda s: saved.signed(s, files=[FILE]), "names no files"),
    "a size of another type": (
        lambda s: saved.signed(s, files={"a": {"size": True, "sha256": "0"}}), "of a"),
    "a file outside": (lambda s: saved.signed(s, files={"../../run.json": FILE["a"]}), "missing"),
    "another step's": (
        lambda s: (shutil.rmtree(s), shutil.copytree(s.with_name("10"), s)), "expected step 15"),
    "a step that is true": (lambda s: saved.signed(s, step=True), "expected step 15"),
    "another run's": (lambda s: saved.signed(s, run="another"), "found another"),
    "a run of another type": (lambda s: saved.signed(s, run=None), "another run"),
    "a newer format": (lambda s: saved.signed(s, format=2), "expected format 1, found 2"),
    "no format": (lambda s: saved.signed(s, format=None), "expected format 1, found None"),
    "a file beyond": (lambda s: (s / "packed/more").touch(), "packed/more: not in manifest.json"),
    "a FIFO beyond": (lambda s: os.mkfifo(s / "more"), "found a FIFO"),
    "a link beyond": (lambda s: (s / "more").symlink_to("packed"), "found a link"),
    "a link instead": (lambda s: replaced_by_a_link(saved.array_file(s)), "found a link"),
    "deep folders": (lambda s: (s / "/".join("d" * 20)).mkdir(parents=True), "a deep folder"),
    "a FIFO as manifest": (
        lambda s: ((s / "manifest.json").unlink(), os.mkfifo(s / "manifest.json")), "regular"),
    "a link as manifest": (lambda s: replaced_by_a_link(s / "manifest.json"), "cannot be read"),
    "a step that is a link": (
        lambda s: replaced_step(s, lambda s, there: s.symlink_to(there)), "found a link"),
    "a step that is a file": (
        lambda s: replaced_step(s, lambda s, there: s.touch()), "found a file"),
    "no run.json": (lambda s: (s.parents[1] / "run.json").unlink(), '"id": "'),
    "a damaged run.json": (lambda s: (s.parents[1] / "run.json").write_text("5"), "damaged"),
}  # fmt: skip
TEXTS = [
    b"", b"5", b"[]", b"null", b"\xff\xfe", b"{}", b'{"format": 1}', b"[" * 200_000,
    b'{"format": ' + b"9" * 400 + b"}", b'{"format": 1' + b"0" * 5000 + b"}",
    b'{"format": 1, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("kind", NOT_GOOD)
def test_no_proof_is_not_proof(run, kind):
    """Only what a manifest of this run and step vouches for is good; the files are whole here."""
    change, reason = NOT_GOOD[kind]
    change(run / "checkpoints" / "15")
    for sums in (False, True):
        found = manifest.problems(run / "checkpoints" / "15", sums=sums)
        assert found and reason in found[0] and len(found[0]) < 400


def test_no_text_of_a_manifest_raises(run):
    """Whatever is in it: it is damaged, in a line."""
    folder = run / "checkpoints" / "15"
    for text in TEXTS:
        (folder / "manifest.json").write_bytes(text)
        (line,) = manifest.problems(folder)
        assert line.startswith("manifest.json: damaged (") and len(line) < 200, text[:20]


def test_verify(run, capfd):
    """0 and a line a step; 65, the step and the file when one is damaged."""
    assert cli.main(["ckpt", "verify", str(run)]) == 0
    assert capfd.readouterr().out.count("every byte is as it was saved") == 3
    damaged = saved.array_file(run / "checkpoints" / "10")
    size = damaged.stat().st_size
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert cli.main(["ckpt", "verify", str(run), "--step=15"]) == 0
    capfd.readouterr()
    assert cli.main(["ckpt", "verify", str(run), "--json"]) == 65
    out, err = capfd.readouterr()
    assert [bool(v) for v in json.loads(out).values()] == [False, True, False]
    assert "step 10" in err and f"expected {size:,} bytes, found {size - 1:,}" in out
    assert cli.main(["ckpt", "verify", str(run)]) == 65
    assert damaged.name in capfd.readouterr().err
    assert cli.main(["ckpt", "verify", str(run), "--step=11"]) == 65
    assert checkpoint.steps(run / "checkpoints") == [5, 10, 15]
