"""Tests of inception_jax.data.input_bench."""

import time
from types import SimpleNamespace

import pytest

from inception_jax import config as configs
from inception_jax.data import input_bench
from inception_jax.data.images import turbojpeg
from inception_jax.data.sources.digits import Digits


class Slow(Digits):
    """Digits that take 10 ms of a disk each: far more than a busy machine adds."""

    def stored(self, index):
        time.sleep(0.01)
        return super().stored(index)


def section(**changes):
    """A `data` section for the digits: 10 a batch, two threads."""
    fields = {"source": "digits", "classes": 10, "image_size": 16, "batch_size": 10, "threads": 2}
    return SimpleNamespace(**configs.source(**{**fields, **changes}))


def bench(**changes):
    """A bench of slow digits."""
    return input_bench.InputBench(Slow("test"), section(**changes), seconds=0.6, rounds=1)


def test_rates_and_stages():
    """10 ms of reading an image: below 100 images/s a thread, about twice on two; read is named."""
    found = bench().run()
    assert 30 < found["images_per_s_one_reader"] < 100
    assert 1.5 < found["scaling"] < 2.5
    assert found["images_per_s"] == pytest.approx(
        found["scaling"] * found["images_per_s_one_reader"]
    )
    stages = found["stages_ms"]
    assert list(stages) == ["read", "decode", "resize", "transfer"]
    assert stages["read"] > 10.0 and max(stages, key=stages.get) == "read"


def test_a_slow_step_hides_the_input():
    """A step of twice the input's time waits for nothing: the input costs it a few percent."""
    found = bench().run()
    assert found["step"].startswith("simulated")
    assert found["input_costs"] < 0.25  # 1% when quiet; a busy machine may add some


def test_a_fast_step_waits():
    """A step that takes no time is paced by the input, and the cost says so."""
    found = bench().run(step=lambda batch: time.sleep(0.001))
    assert found["step"] == "measured" and found["step_ms"] < 5
    assert found["input_costs"] > 1.0
    assert found["joined_ms"] == pytest.approx(1e3 * 10 / found["images_per_s"], rel=0.5)


def test_the_decoder_is_named(monkeypatch):
    """Whether regions are decoded, and what to install where they are not."""
    assert input_bench.decoder() == "libjpeg-turbo 3, only the crop"
    monkeypatch.setattr(turbojpeg, "library", lambda: None)
    assert "pip install turbojpeg" in input_bench.decoder()
