"""Tests `estimate`: the bound of a step and the time of a recipe."""

from types import SimpleNamespace

import pytest

from inception_jax.plan import chips, estimate, schedule


@pytest.mark.parametrize(
    ("given", "want"),
    [(0.05, (0.05, 0)), (-124.93385, (0.06615, 125)), (-0.999, (0.001, 1)), (0.0, (0.0, 0))],
)
def test_unpriced_instructions(given, want):
    """Each adds -1 to the compiler's seconds, which is corrected."""
    seconds, count = estimate.optimum(given)
    assert (pytest.approx(seconds, abs=1e-9), count) == (want[0], want[1])


ONCE = {"flops": 1.0, "bytes": 1.0, "cycles": 1.0}


def estimated(flops, memory, cycles, summed, optimal, repeats=ONCE, recomputed=0.0):
    """The estimate of a step on 16 v5e chips."""
    program = SimpleNamespace(
        mesh=SimpleNamespace(size=16), total=1000, per_epoch=100.0, empty_state={},
        config=SimpleNamespace(
            data=SimpleNamespace(batch_size=1600), train=SimpleNamespace(epochs=10.0)
        ),
    )  # fmt: skip
    chip = chips.named("v5e-16")
    assert chip is not None
    cost = {"flops": flops, "bytes accessed": 2.0 * memory, "optimal_seconds": optimal}
    scheduled = schedule.Schedule(memory, cycles, 0, {}, {}, repeats, recomputed)
    return estimate.of(
        program, chip, cost, scheduled, [{"kind": "all-reduce", "devices": 16, "bytes": summed}]
    )


@pytest.mark.parametrize(
    ("flops", "memory", "summed", "optimal", "bound", "low"),
    [(197e9, 81_900_000, 1e6, 0.0005, "arithmetic", 1e-3),
     (197e9, 8_190_000_000, 1e6, -2 + 0.008, "memory", 1e-2),
     (197e9, 81_900_000, 1e9, 0.0005, "network", 2 * 15 / 16 * 1e9 / 200e9),
     (197e9, 81_900_000, 1e6, -2 + 0.002, "arithmetic", 2e-3)],
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


def test_microbatches_and_recomputation():
    """Loops count fully; the model's share of the arithmetic leaves out what is recomputed."""
    step = estimated(
        197e9 / 4, 1, 0, 0, 0.0, repeats={"flops": 4.0, "bytes": 3.0, "cycles": 1.0},
        recomputed=0.25,
    )["step"]  # fmt: skip
    assert step["flops"] == 197e9 and step["model_flops"] == 0.75 * 197e9
    assert step["accessed_bytes"] == 6 and step["low_s"] == pytest.approx(1e-3)
    assert step["hardware_utilisation"][1] == pytest.approx(1.0)
    assert step["mfu"][1] == pytest.approx(0.75)
