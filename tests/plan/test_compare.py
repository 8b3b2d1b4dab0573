"""Tests `compare`: variations of a config, and the frontier of their plans."""

from inception_jax.plan import compare
from tests.tiny import digits


def test_one_thing_changes_at_a_time():
    """The base first, and no variation that equals it."""
    config = digits(model__bn_group=0)
    pairs = list(
        compare.changes(config, 48, ["dtype", "recompute", "bn_group", "sharding", "vmem"])
    )
    assert [str(c) for c, _ in pairs] == [
        "unchanged", "model.dtype=bfloat16", "train.recompute=lean", "train.recompute=rows",
        "model.bn_group=32", "model.bn_group=48", "mesh.zero=True", "mesh.model=2",
        "train.vmem=32", "train.vmem=48",
    ]  # fmt: skip
    assert pairs[2][1].train.recompute == "lean" and config.train.recompute == "none"


def plan_of(rate, memory):
    """The entries of a plan that a comparison reads."""
    return {
        "step": {"images_per_s": [rate, 2 * rate], "low_s": 1.0, "high_s": 2.0,
                 "accessed_bytes": 1, "memory_bytes": 1},
        "memory": {"total": memory},
    }  # fmt: skip


def test_the_frontier():
    """No plan that is slower and larger than another, and none that did not compile."""
    rows = [plan_of(10, 5), plan_of(9, 3), plan_of(8, 4), plan_of(10, 6), {"error": "no"}]
    assert compare.frontier(rows) == [True, True, False, False, False]
    shown = compare.text(["a", "b", "c", "d", "e"], rows).splitlines()
    assert [line[:1] for line in shown[1:6]] == ["*", "*", " ", " ", " "] and "no" in shown[5]


def test_on_chip_memory_is_a_tpus():
    """Other devices have no such setting to vary."""
    assert set(compare.axes("tpu")) - set(compare.axes("gpu")) == {"vmem"}
    assert compare.axes("gpu") == compare.axes("cpu")
