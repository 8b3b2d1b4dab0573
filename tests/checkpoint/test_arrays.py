"""Tests that arrays are saved and restored bit by bit, on any mesh."""

import jax
import pytest

from inception_jax.checkpoint import Checkpoints, arrays
from inception_jax.errors import DataError
from inception_jax.runtime import mesh as meshes
from tests import saved


def test_what_was_saved_comes_back(run):
    """State and log, bit by bit, bfloat16 and an empty array included; types stay."""
    saves = Checkpoints(run / "checkpoints", keep=3)
    step = saves.newest_good()
    got, log = saves.restore(step, saved.shapes(saved.state(15)))
    assert (step, log, saved.same(got, saved.state(15))) == (15, {"step": 15}, True)
    assert jax.tree.map(lambda x: x.dtype, got) == jax.tree.map(lambda x: x.dtype, saved.state(15))


MESHES = [(1, 1), (8, 1), (2, 4)]


@pytest.mark.parametrize("to", MESHES)
@pytest.mark.parametrize("pack", [True, False])
def test_from_any_mesh_onto_any_other(to, pack, tmp_path, monkeypatch):
    """Sharded or replicated, packed or left to Orbax: the same bits, laid out as was asked."""
    if not pack:  # as if no process had the whole of any array; Orbax takes no empty ones
        monkeypatch.setattr(arrays, "_is_local", lambda leaf: leaf.size == 0)
    for number, mesh in enumerate(MESHES):
        before = saved.state(3, meshes.make(*mesh))
        saves = Checkpoints(tmp_path / str(number), keep=1)
        saves.save(3, before, {})
        shapes = saved.shapes(before, meshes.make(*to))
        after, _ = saves.restore(3, shapes)
        saves.close()
        assert saved.same(before, after)
        assert jax.tree.all(jax.tree.map(lambda x, s: x.sharding == s.sharding, after, shapes))


def test_another_network_is_refused(run):
    """Shapes of another network end with 65 and name the arrays, not with a traceback."""
    like = saved.state(15)
    like["params"]["more"] = like["params"].pop("logits")
    saves = Checkpoints(run / "checkpoints", keep=3)
    with pytest.raises(DataError, match="another network") as error:
        saves.restore(15, saved.shapes(like))
    assert (
        "params/more/bias: expected ((7,), 'float32'), found none" in str(error.value)
        and error.value.code == 65
    )
