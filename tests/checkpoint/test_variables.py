"""Tests loading a run's weights, and saving weights without a run."""

import pytest

from inception_jax import checkpoint
from inception_jax.errors import DataError
from tests import saved


def test_load_changes_nothing(run, capfd):
    """`eval` of a damaged run uses the step before, reports it, and does not change the folder."""
    assert checkpoint.load(run)[0] == 15
    saved.flip(saved.array_file(run / "checkpoints" / "15"))
    step, tree = checkpoint.load(run)
    assert step == 10 and "checkpoint 15 is not good: " in capfd.readouterr().err
    assert saved.same(tree["params"], saved.state(10)["ema"]["params"])
    assert checkpoint.steps(run / "checkpoints") == [5, 10, 15]
    with pytest.raises(DataError, match=r"step 15 .* is not good"):
        checkpoint.load(run, 15)
    with pytest.raises(DataError, match=r"expected step 7 .* found \[5, 10, 15\]"):
        checkpoint.load(run, 7)


def test_raw_weights_are_not_the_averages(run):
    """`raw` gives the parameters of the state, which differ from their averages."""
    step, tree = checkpoint.load(run, raw=True)
    assert step == 15 and saved.same(tree["params"], saved.state(15)["params"])
    assert not saved.same(tree["params"], checkpoint.load(run)[1]["params"])


def test_an_import_is_verified_as_well(tmp_path):
    """What `write` made has a manifest, and `load` compares it."""
    variables = {k: saved.state(1)[k] for k in ("params",)}
    checkpoint.write(tmp_path, variables)
    step, tree = checkpoint.load(tmp_path)
    assert step == 0 and saved.same(tree["params"], variables["params"])
    assert tree["batch_stats"] == {}
    saved.flip(saved.array_file(tmp_path / "checkpoints" / "0"))
    with pytest.raises(DataError, match="none of these is"):
        checkpoint.load(tmp_path)
