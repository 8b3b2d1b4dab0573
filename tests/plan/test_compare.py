"""Tests `plan/compare.py`, `advice.py`, `estimate.py`, `store.py`: what is said of a step."""

from types import SimpleNamespace

import pytest

from inception_jax.plan import advice, chips, compare, estimate, schedule, store
from inception_jax.runtime import distributed
from tests.tiny import digits


@pytest.mark.parametrize(
    ("given", "want"),
    [(0.05, (0.05, 0)), (-124.93385, (0.06615, 125)), (-0.999, (0.001, 1)), (0.0, (0.0, 0))],
)
def test_unpriced_instructions_are_counted(given, want):
    """Each added -1 to the compiler's seconds; what is left is a step's."""
    seconds, count = estimate.optimum(given)
    assert (pytest.approx(seconds, abs=1e-9), count) == (want[0], want[1])


def estimated(flops, memory, cycles, summed, optimal):
    """The estimate of a step on 16 chips of a v5e."""
    program = SimpleNamespace(
        mesh=SimpleNamespace(size=16), total=1000, per_epoch=100.0, empty_state={},
        config=SimpleNamespace(
            data=SimpleNamespace(batch_size=1600), train=SimpleNamespace(epochs=10.0)
        ),
    )  # fmt: skip
    chip = chips.named("v5e-16")
    assert chip is not None
    cost = {"flops": flops, "bytes accessed": 2.0 * memory, "optimal_seconds": optimal}
    read = schedule.Schedule(memory, cycles, 0, {}, {})
    return estimate.of(
        program, chip, cost, read, [{"kind": "all-reduce", "devices": 16, "bytes": summed}]
    )


@pytest.mark.parametrize(
    ("flops", "memory", "summed", "optimal", "bound", "low"),
    [(197e9, 81_900_000, 1e6, 0.0005, "arithmetic", 1e-3),
     (197e9, 8_190_000_000, 1e6, -2 + 0.008, "memory", 1e-2),
     (197e9, 81_900_000, 1e9, 0.0005, "network", 2 * 15 / 16 * 1e9 / 200e9),
     (197e9, 81_900_000, 1e6, -2 + 0.002, "arithmetic", 2e-3)],
)  # fmt: skip
def test_the_slowest_bounds_the_step(flops, memory, summed, optimal, bound, low):
    """Arithmetic, memory or links, whichever takes longest; the compiler's optimum if more."""
    found = estimated(flops, memory, 30_000_000, summed, optimal)
    step, recipe = found["step"], found["recipe"]
    assert step["bound"] == bound and step["low_s"] == pytest.approx(low)
    assert step["high_s"] > step["low_s"] and step["high_s"] > 0.0199  # 30M cycles at 1.5 GHz
    assert step["images_per_s"][1] == pytest.approx(1600 / low)
    assert step["mfu"][1] == pytest.approx(flops / low / 197e12)
    assert recipe["hours"][0] == pytest.approx(1000 * low / 3600)
    assert recipe["chip_hours"][1] == pytest.approx(16 * 1000 * step["high_s"] / 3600)


def test_one_thing_changes_at_a_time():
    """The base first, and no variation that is the base again."""
    page = digits(model__bn_group=0)
    found = list(compare.changes(page, 48, ["dtype", "recompute", "bn_group", "sharding", "vmem"]))
    assert [str(c) for c, _ in found] == [
        "as it is", "model.dtype=bfloat16", "train.recompute=lean", "train.recompute=rows",
        "model.bn_group=32", "model.bn_group=48", "mesh.zero=True", "mesh.model=2",
        "train.vmem=32", "train.vmem=48",
    ]  # fmt: skip
    assert found[2][1].train.recompute == "lean" and page.train.recompute == "none"


def plan_of(rate, memory):
    """What a comparison reads of a plan."""
    return {
        "step": {"images_per_s": [rate, 2 * rate], "low_s": 1.0, "high_s": 2.0,
                 "accessed_bytes": 1, "memory_bytes": 1},
        "memory": {"total": memory},
    }  # fmt: skip


def test_the_frontier():
    """Nothing that is both slower and larger than another, and nothing that did not compile."""
    rows = [plan_of(10, 5), plan_of(9, 3), plan_of(8, 4), plan_of(10, 6), {"error": "no"}]
    assert compare.frontier(rows) == [True, True, False, False, False]
    shown = compare.text(["a", "b", "c", "d", "e"], rows).splitlines()
    assert [line[:1] for line in shown[1:6]] == ["*", "*", " ", " ", " "] and "no" in shown[5]


def test_what_would_fit():
    """Recomputation first, then the batch that the ratio leaves room for, then parts of it."""
    page = digits(model__bn_group=0)
    found = {"needed": 32 * 2**30, "capacity": 16 * 2**30, "devices": {"mesh": {"data": 1}}}
    said = advice.of(page, found)
    assert "96 images on each of 1" in said and "34.36 GB" in said
    assert "--config.train.recompute=lean" in said and "is not enough alone" in said
    assert "--config.model.dtype=bfloat16" in said
    assert "--config.data.batch_size=40 (40 images on each), or the same batch on 3 devices" in said
    assert "--config.optim.accumulate=3" in said


def test_a_compiler_that_gives_no_amounts():
    """Its refusal is passed on without figures that it did not give."""
    found = {"needed": 0, "capacity": 0, "devices": {"mesh": {"data": 1}}}
    said = advice.of(digits(model__bn_group=0), found)
    assert "does not say by how much for 96 images" in said and " 0 B" not in said


def test_a_gather_moves_half_of_a_sum():
    """A sum goes around twice, what is only gathered or scattered once."""
    rows = [{"kind": kind, "devices": 4, "bytes": 200e9} for kind in ("all-reduce", "all-gather")]
    chip = chips.named("v5e-4")
    assert chip is not None
    assert [chips.seconds(chip, r) for r in rows] == [pytest.approx(1.5), pytest.approx(0.75)]


def test_whether_a_host_keeps_up():
    """The step at its fastest asks for so many images of each host."""
    found = {"step": {"images_per_s": [100, 400]}, "devices": {"hosts": 2}}
    assert advice.of_input(found, {"images_per_s": 150.0})["share"] == pytest.approx(0.75)
    assert advice.of_input(found, {"images_per_s": 200.0})["enough"]


def test_a_plan_is_made_once(monkeypatch, tmp_path):
    """Until the config, the devices or the code change; without a cache it is made each time."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    made = []

    def make():
        made.append(1)
        return {"n": len(made)}

    one, other = store.key(digits(), "v5e 4"), store.key(digits(seed=1), "v5e 4")
    assert one == store.key(digits(), "v5e 4") != other != store.key(digits(), "v5e 8")
    assert store.kept(one, make) == {"n": 1, "cached": False}
    assert store.kept(one, make) == {"n": 1, "cached": True}
    assert store.kept(other, make) == {"n": 2, "cached": False}
    monkeypatch.setattr(distributed, "code_digest", lambda: "other")
    assert store.key(digits(), "v5e 4") != one
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    assert store.kept(one, make) == {"n": 3, "cached": False}
