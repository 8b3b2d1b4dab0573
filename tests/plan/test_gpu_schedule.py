"""Tests `gpu_schedule`: the model of a kernel's time, and work beside collectives."""

import pytest

from inception_jax.plan import gpu_schedule, hlo
from inception_jax.plan.kernels import Kernel
from tests.plan.test_kernels import PROGRAM

FLOPS, BANDWIDTH = 989e12, 3352.32e9


def kernel(kind="elementwise", flops=0, size=0, channels=0, width=2):
    """A kernel that runs once."""
    return Kernel("k", kind, "rest", flops, size, channels, width, False, 1, False)


def test_the_longer_of_arithmetic_and_bytes():
    """At the peaks; 32-bit products have half of the rate; a collective is the network's."""
    both = kernel("convolutions", flops=989 * 10**9, size=3_352_320, channels=64)
    assert gpu_schedule.best_s(both, FLOPS, BANDWIDTH) == pytest.approx(1e-3)
    wide = both._replace(width=4)
    assert gpu_schedule.best_s(wide, FLOPS, BANDWIDTH) == pytest.approx(2e-3)
    moved = kernel(size=3_352_320_000)
    assert gpu_schedule.best_s(moved, FLOPS, BANDWIDTH) == pytest.approx(1e-3)
    sent = moved._replace(kind="collectives")
    assert gpu_schedule.best_s(sent, FLOPS, BANDWIDTH) == 0 == gpu_schedule.expected_s(sent, 0.0)


def test_efficiency_of_kinds():
    """A kernel of few channels is slower than another; a small one takes its launch."""
    ordered = [
        kernel("scatters"), kernel("pools"), kernel("convolutions", channels=64), kernel(),
    ]  # fmt: skip
    spent = [gpu_schedule.expected_s(k, 1e-3) for k in ordered]
    assert spent == sorted(spent, reverse=True) and spent[-1] > 1e-3
    narrow = kernel("convolutions", channels=32)
    assert gpu_schedule.expected_s(narrow, 1e-3) > spent[2]
    assert gpu_schedule.expected_s(kernel(), 0.0) == gpu_schedule.LAUNCH_S


def test_a_schedule():
    """Sums over kernels and their runs; shares add up to 1."""
    result = gpu_schedule.read(hlo.parse(PROGRAM), {"conv1"}, FLOPS, BANDWIDTH)
    assert result.kernels == {
        "elementwise": 7, "convolutions": 2, "copies": 1, "collectives": 1, "scatters": 1,
    }  # fmt: skip
    assert result.flops == 2 * 32 * 24 * 24 * 16 * 27 + 2 * 256 * 1000 * 2048
    assert result.memory_bytes == result.accessed_bytes > 6 * (4 * 10 + 4 + 4 * 10)
    assert result.sequence_s is not None and 0 < result.optimal_s < result.sequence_s
    low, high = result.span_s
    assert low < result.sequence_s < high and (low + high) / 2 == pytest.approx(result.sequence_s)
    assert sum(result.rows.values()) == pytest.approx(1) == sum(result.kinds.values())
    assert set(result.rows) == {"conv1", "rest"}


def test_work_beside_a_collective():
    """The kernels between its start and its end; of two under way the older has them."""
    spent = {"loop_slice_fusion.6": 2.0, "a": 3.0, "b": 4.0}
    parts = hlo.parse(PROGRAM).computations["main.9"]
    assert gpu_schedule.overlaps(parts, spent) == {"all-reduce-start.4": 2.0}
    text = """ENTRY %main (p: f32[]) -> f32[] {
  %s.1 = f32[4]{0} all-reduce-start(%p)
  %s.2 = f32[4]{0} all-reduce-start(%q)
  %a = f32[4]{0} fusion(%p), kind=kLoop, calls=%f
  %d.1 = f32[4]{0} all-reduce-done(%s.1)
  %b = f32[4]{0} fusion(%p), kind=kLoop, calls=%f
  %d.2 = f32[4]{0} all-reduce-done(%s.2)
}"""
    assert gpu_schedule.overlaps(hlo.parse(text).computations["main"], spent) == {
        "s.1": 3.0, "s.2": 4.0,
    }  # fmt: skip
