"""Tests that no change of a saved file is overlooked."""

import json
import time

import jax
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
