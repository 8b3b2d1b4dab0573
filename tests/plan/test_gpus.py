"""Tests `gpus`: names, XLA's description, consistency of the figures, time of collectives."""

import pytest

from inception_jax.plan.gpus import GPUS

A100, H100, H200, B200 = GPUS


@pytest.mark.parametrize(
    ("name", "topology"),
    [("h100-1", "1x1x1"), ("h100-3", "1x1x3"), ("h100-8", "1x1x8"), ("h100-64", "1x8x8"),
     ("h100-256", "1x32x8")],
)  # fmt: skip
def test_names(name, topology):
    """Partitions, hosts and GPUs of a host: at most eight, of which all hosts are full."""
    assert H100.compiler(name)["topology"] == topology


@pytest.mark.parametrize("name", ["h100", "h100-0", "h100-12", "h100-264", "h100:8"])
def test_other_numbers(name):
    """The message says which there are."""
    with pytest.raises(ValueError, match="expected h100-1 to h100-8, or a multiple of 8 GPUs up"):
        H100.compiler(name)


def test_peaks_follow_from_the_description():
    """Cores x 4 matrix units x multiply-adds a cycle x their clock, within 2%."""
    units = {A100: (256, 1.41e9), H100: (512, 1.8295e9), H200: (512, 1.8295e9),
             B200: (1024, 1.8353e9)}  # fmt: skip
    for gpu, (rate, clock) in units.items():
        assert gpu.flops == pytest.approx(2 * 4 * gpu.cores * rate * clock, rel=0.02)


def test_the_description_is_balanced():
    """Braces close, and the figures are the table's."""
    text = H200.target()
    assert text.count("{") == text.count("}") == 4
    assert "core_count: 132" in text and "device_memory_size: 151397597184" in text
    assert 'device_description_str: "NVIDIA H200 141GB HBM3e"' in text
    assert H200.usable == int(0.75 * H200.memory)


def test_a_sum_inside_a_host_and_beyond():
    """NVLink in one direction; between hosts an eighth of the bytes over each GPU's network."""
    size = 450_000_000_000
    assert H100.network_s("all-reduce", 1, size) == 0
    inside = H100.network_s("all-reduce", 8, size)
    assert inside == pytest.approx(2 * 7 / 8)
    assert H100.network_s("all-gather", 8, size) == pytest.approx(7 / 8)
    beyond = H100.network_s("all-reduce", 16, size)
    assert beyond == pytest.approx(inside + 2 * (1 / 2) * size / 8 / 50e9)
