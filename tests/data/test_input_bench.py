"""Tests of inception_jax.data.input_bench."""

import time
from types import SimpleNamespace

import pytest

from inception_jax import config as configs
from inception_jax.data import input_bench, lock_cost
from inception_jax.data.images import turbojpeg
from inception_jax.data.sources.digits import Digits


class Slow(Digits):
    """Digits that take 10 ms to read: far more than the noise of a busy machine."""

    def stored(self, index):
        time.sleep(0.01)
        return super().stored(index)


def section():
    """A `data` section for the digits: 10 a batch, two threads."""
    fields = {"source": "digits", "classes": 10, "image_size": 16, "batch_size": 10, "threads": 2}
    return SimpleNamespace(**configs.source(**fields))


def bench():
    """A bench of slow digits."""
    return input_bench.InputBench(Slow("test"), section(), seconds=0.4, rounds=1)


@pytest.fixture(scope="module", autouse=True)
def few_images():
    """The lock is measured on eight of these slow images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock_cost, "IMAGES", 8)
        patch.setattr(lock_cost, "PIECE", 8)
        yield


@pytest.fixture(scope="module")
def simulated(few_images):
    """The figures with a simulated step."""
    return bench().run()


def test_rates_and_stages(simulated):
    """With 10 ms of reading an image: below 100 images/s a thread, twice as many on two."""
    assert 30 < simulated["images_per_s_one_reader"] < 100
    assert 1.5 < simulated["speedup"] < 2.5
    assert simulated["images_per_s"] == pytest.approx(
        simulated["speedup"] * simulated["images_per_s_one_reader"]
    )
    stages = simulated["stages_ms"]
    assert list(stages) == ["read", "decode", "resize", "transfer"]
    assert stages["read"] > 10.0 and max(stages, key=stages.get) == "read"


def test_a_slow_step_hides_the_input(simulated):
    """A step of twice the input's time never waits: the input costs it a few percent."""
    assert simulated["step"].startswith("simulated")
    assert simulated["input_costs"] < 0.25  # 1% on a quiet machine


def test_a_fast_step_waits():
    """A step that takes no time waits for the input."""
    found = bench().run(step=lambda batch: time.sleep(0.001))
    assert found["step"] == "measured" and found["step_ms"] < 5
    assert found["input_costs"] > 1.0
    assert found["joined_ms"] == pytest.approx(1e3 * 10 / found["images_per_s"], rel=0.5)


def test_the_decoder_is_named(monkeypatch):
    """Whether regions are decoded, or what to install for that."""
    assert input_bench.decoder() == "libjpeg-turbo 3, only the crop"
    monkeypatch.setattr(turbojpeg, "library", lambda: None)
    assert "pip install turbojpeg" in input_bench.decoder()


def test_the_lock_is_measured(simulated):
    """The resize releases it; the sleep, which `lock_cost` does not know, counts as held."""
    assert simulated["lock"]["hand_overs"] == 1 and simulated["lock"]["held_us"] > 10_000
