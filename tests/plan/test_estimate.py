"""Tests `estimate`: the bound of a step and the time of a recipe."""

from types import SimpleNamespace

import pytest

from inception_jax.plan import chips, estimate
from inception_jax.plan.collectives import Collective
from inception_jax.plan.schedule import Schedule
from inception_jax.train.stages import Stage

STAGES = (Stage(1, 1000, 8),)


def estimated(flops, memory, cycles, summed, optimal, chip="v5e-16", stages=STAGES, **more):
    """The estimate of a step on 16 chips, which takes `cycles` at 1.5 GHz."""
    program = SimpleNamespace(
        mesh=SimpleNamespace(size=16, shape={"data": 16, "model": 1}), total=1000, per_epoch=100.0,
        empty_state={}, stages=stages,
        config=SimpleNamespace(
            data=SimpleNamespace(batch_size=1600, image_size=8), train=SimpleNamespace(epochs=10.0)
        ),
    )  # fmt: skip
    found = chips.named(chip)
    assert found is not None
    scheduled = Schedule(
        **{
            "flops": flops, "recomputed": 0.0, "accessed_bytes": 2 * memory, "memory_bytes": memory,
            "optimal_s": optimal, "sequence_s": cycles / 1.5e9,
            "span_s": (optimal, cycles / 1.5e9), "unpriced": 0, "unscheduled": 0,
            "rows": {}, "kinds": {}, "kernels": {}, "overlaps": {}, **more,
        }
    )  # fmt: skip
    sent = [Collective("all-reduce", "f32", 1, int(summed), 16, "data", 1, "sum")]
    return estimate.of(program, found, scheduled, sent)


@pytest.mark.parametrize(
    ("flops", "memory", "summed", "optimal", "bound", "low"),
    [(197e9, 81_900_000, 1e6, 0.0005, "arithmetic", 1e-3),
     (197e9, 8_190_000_000, 1e6, 0.008, "memory", 1e-2),
     (197e9, 81_900_000, 1e9, 0.0005, "network", 2 * 15 / 16 * 1e9 / 200e9),
     (197e9, 81_900_000, 1e6, 0.002, "arithmetic", 2e-3)],
)  # fmt: skip
def test_the_slowest_bounds_the_step(flops, memory, summed, optimal, bound, low):
    """Arithmetic, memory or links, the longest; the compiler's optimum if that is longer."""
    plan = estimated(flops, memory, 30_000_000, summed, optimal)
    step, recipe = plan["step"], plan["recipe"]
    assert step["bound"] == bound and step["low_s"] == pytest.approx(low)
    assert step["high_s"] > step["low_s"] and step["high_s"] > 0.0199  # 30M cycles at 1.5 GHz
    assert step["images_per_s"][1] == pytest.approx(1600 / low)
    assert step["mfu"][1] == pytest.approx(flops / low / 197e12)
    assert recipe["hours"][0] == pytest.approx(1000 * low / 3600)
    assert recipe["chip_hours"][1] == pytest.approx(16 * 1000 * step["high_s"] / 3600)


def test_steps_of_smaller_images():
    """They are taken to need a share of the step, that of their pixels."""
    stages = Stage(1, 400, 4), Stage(401, 1000, 8)
    plans = [estimated(1, 1, 15_000_000, 0, 0.0, stages=s)["recipe"] for s in (stages, stages[1:])]
    assert [p["smaller_steps"] for p in plans] == [400, 0]
    assert plans[0]["hours"][1] / plans[1]["hours"][1] == pytest.approx((400 / 4 + 600) / 600)


def test_recomputation():
    """The model's share of the arithmetic leaves out what is recomputed."""
    step = estimated(197e9, 1, 1_500, 0, 0.0, recomputed=0.25)["step"]
    assert step["flops"] == 197e9 and step["model_flops"] == 0.75 * 197e9
    assert step["low_s"] == pytest.approx(1e-3)
    assert step["hardware_utilisation"][1] == pytest.approx(1.0)
    assert step["mfu"][1] == pytest.approx(0.75)


def test_work_beside_a_collective_hides_it():
    """A step is longer by the rest; without such work by all of it."""
    plain = estimated(1, 1, 15_000_000, 8e9, 0.0)["step"]
    hidden = estimated(1, 1, 15_000_000, 8e9, 0.0, overlaps={"sum": 0.05})["step"]
    network = 2 * 15 / 16 * 8e9 / 200e9
    assert plain["seconds"]["exposed"] == plain["seconds"]["network"] == pytest.approx(network)
    assert hidden["seconds"]["exposed"] == pytest.approx(network - 0.05)
    assert plain["high_s"] - hidden["high_s"] == pytest.approx(0.05)


def test_more_devices():
    """The groups along `data` grow, the batch of each stays; the network takes more."""
    rows = estimated(1, 1, 15_000_000, 45e6, 0.0, chip="h100-16")["scaling"]
    assert [r["devices"] for r in rows] == [8, 16, 32, 64, 128, 256]
    first, last = rows[0], rows[-1]
    assert first["network_s"] == pytest.approx(2 * 7 / 8 * 45e6 / 450e9)
    assert first["images_per_s"] == pytest.approx(8 * 100 / (0.01 + first["exposed_s"]))
    assert last["network_s"] > 2 * first["network_s"] and last["efficiency"] < 1
