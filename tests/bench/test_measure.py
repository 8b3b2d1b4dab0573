"""Tests `inception_jax/bench/measure.py`, `disk.py` and `settings.py`: what is run and timed."""

import json
import sys

import jax
import numpy as np
import pytest

from inception_jax import config as cfg
from inception_jax.bench import disk, measure
from inception_jax.bench.settings import Settings, as_flags
from inception_jax.cli import pages

TINY = Settings(model="googlenet", dialect="slim", width=0.1, stem="small", size=32, batch=2)


def test_the_settings_are_a_page(tmp_path):
    """The command `train` gets the same network, on images that every machine has."""
    path = tmp_path / "page.py"
    path.write_text(TINY.page())
    config = pages.load(str(path))
    cfg.validate(config)
    assert (config.model.name, config.model.width, config.data.image_size) == ("googlenet", 0.1, 32)
    assert (config.data.source, config.data.classes, config.model.num_classes) == ("digits", 10, 10)
    assert (config.optim.name, config.optim.momentum) == ("sgd", 0.9)


def test_an_error_names_the_flags():
    """Nobody who runs `bench` has given a config."""
    text = "--config.data.image_size=5 is too small; --config.model.stem=small; --config.model: no"
    assert as_flags(text) == "--size=5 is too small; --stem=small; --model: no"


def test_what_cannot_be_built_is_refused(capsys):
    """With 78, before anything is measured."""
    words = ["about", "ours", json.dumps({"model": "googlenett"})]
    assert measure.main(words) == 78
    assert "--model: unknown model 'googlenett'" in capsys.readouterr().err


def test_the_first_steps_do_not_count(monkeypatch):
    """Two are not timed; the rest give their median."""
    clock, waits = [0.0], iter([50.0, 50.0, 2.0, 4.0, 40.0])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])

    def step():
        clock[0] += next(waits)
        return np.zeros(())

    found = measure.rate(step, Settings(batch=8, steps=3))
    assert found == {"images_per_s": 2.0, "device": "cpu"}


def test_compiled_cold_then_warm(monkeypatch):
    """Two processes with one cache, empty before the first; ours starts `train` twice as well."""
    code = (
        "import os, pathlib, json; c = pathlib.Path(os.environ['JAX_COMPILATION_CACHE_DIR'])\n"
        "print(json.dumps({'compile_s': 1.0 if c.exists() else 9.0})); c.mkdir(exist_ok=True)"
    )
    started = []

    def seconds(page, workdir, cache):
        started.append((pages.load(str(page)).model.name, cache))
        return float(len(started))

    monkeypatch.setattr(measure, "command", lambda *a: [sys.executable, "-c", code])
    monkeypatch.setattr(measure, "seconds", seconds)
    assert measure.compile_twice(TINY, "plain") == {"cold_s": 9.0, "warm_s": 1.0}
    found = measure.compile_twice(TINY, "ours")
    assert found == {
        "cold_s": 9.0, "warm_s": 1.0, "first_step_s": 1.0, "first_step_again_s": 2.0,
    }  # fmt: skip
    assert len(set(started)) == 1 and started[0][0] == "googlenet"


def test_a_checkpoint_and_the_disk(tmp_path):
    """As many bytes are written and read back in both; what came back was compared."""
    shapes = {"a": jax.ShapeDtypeStruct((300, 1000), np.float32), "step": np.zeros((), np.int32)}
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(
            x.shape, x.dtype, sharding=jax.sharding.SingleDeviceSharding(jax.devices()[0])
        ),
        shapes,
    )
    assert disk.size_of(shapes) == 1_200_004
    full = disk.filled(shapes)
    assert np.asarray(full["a"]).std() == pytest.approx(1.0, rel=0.1)
    found = disk.raw(tmp_path / "raw", disk.size_of(shapes))
    assert (tmp_path / "raw" / "raw").stat().st_size == 1_200_004
    assert set(found) == {"save_s", "restore_s"} and min(found.values()) > 0
