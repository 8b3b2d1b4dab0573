"""Tests `text`: a plan's figures as lines."""

import pytest

from inception_jax.plan import text
from tests.plan.test_estimate import estimated


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (9_999, "9,999 B"), (10_000, "10 kB"), (1.5e9, "1,500 MB"), (20e12, "2e+04 GB")],
)
def test_sizes(count, shown):
    """At most four digits."""
    assert text.size(count) == shown


def plan(**more):
    """A plan of 16 chips on 4 hosts."""
    return {
        "model": "googlenet", "dialect": "slim", "dtype": "bfloat16", "batch_size": 1600,
        "devices": {"count": 16, "hosts": 4, "kind": "TPU v5 lite", "mesh": {"data": 16}},
        "memory": {"state": {"parameters": 4_000_000}, "total": 8_000_000_000,
                   "capacity": 16_000_000_000},
        "collectives": [{"kind": "all-reduce", "dtype": "f32", "axis": "", "count": 1, "arrays": 3,
                         "bytes": 12, "loop": True}],
        **more,
    }  # fmt: skip


def test_a_plan_without_a_chip():
    """Subject, memory with its share of the capacity, collectives."""
    shown = text.text(plan())
    head, *lines = shown.splitlines()
    assert head.endswith("batches of 1,600, 100 a device, on 16 TPU v5 lite of 4 hosts: data 16")
    assert "  total          8,000 MB   of 16 GB: 50%" in lines
    assert lines[-1].split()[:3] == ["all-reduce", "f32", "-"] and "in a loop" in lines[-1]
    assert "  none" in text.text(plan(collectives=[]))


def test_a_plan_of_a_chip():
    """Step, recipe, and whether a host delivers enough images."""
    estimate = estimated(197e9, 8_190_000_000, 30_000_000, 1e6, 0.0005)
    rows = {"rows": {"conv": 0.9, "rest": 0.1}, "kinds": {"sums": 1.0}}
    shown = text.text(plan(**{**estimate, **rows}))
    assert "limited by memory; of the shortest step: memory 100%" in shown
    assert "conv 90%" in shown and "rest 10%" not in shown  # four fifths are enough
    assert "--input=F" in shown
    bench = {"images_per_s": 50.0, "enough": False, "share": 0.5}
    assert "the step waits, at 50% of its rate" in text.text(plan(**estimate, input=bench))


def test_a_plan_of_a_gpu():
    """Kernels, what XLA takes of the memory, the network beyond a host, more devices."""
    estimate = estimated(
        989e9, 3_352_320_000, 3_000_000, 1e6, 0.0005, chip="h100-16", overlaps={"sum": 1.0},
        kernels={"convolutions": 2_000, "sums": 300}, accessed_bytes=3_352_320_000,
    )  # fmt: skip
    whole = estimate["chip"]["memory"]
    memory = {"state": {}, "total": int(0.375 * whole), "capacity": int(0.75 * whole)}
    rows = {"rows": {"conv": 1.0}, "kinds": {"sums": 1.0}, "memory": memory}
    shown = text.text(plan(**{**estimate, **rows}))
    assert "50%; XLA takes 75% of the 84.94 GB by default" in shown
    assert "one step on one h100 (counted in the compiler's program" in shown
    assert "2,300: 2,000 convolutions, 300 sums" in shown and "50 of network" in shown
    assert "on-chip memory" not in shown and "without a price" not in shown
    assert "exposed" in shown and shown.splitlines()[-1].split()[0] == "256"
