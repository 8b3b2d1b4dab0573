"""Untrained networks whose predictions differ between images, and runs that hold them."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import checkpoint, models
from inception_jax.models import from_config, preprocess
from inception_jax.weights.import_weights import run_config
from inception_jax.workdir import atomic, class_names, run_dir
from tests import tiny
from tests.data import pictures


class Noise(pictures.Pictures):
    """`count` images of noise in ten classes, of many sizes; those in `bad` are unreadable."""

    def __init__(self, count: int, bad: frozenset[int] = frozenset()):
        super().__init__(count, bad=bad)
        self.classes = tuple("abcdefghij")

    def label(self, index: int) -> int:
        return index * 7 % 10

    def stored(self, index: int) -> np.ndarray:
        super().stored(index)
        rng = np.random.default_rng(index)
        height, width = rng.integers(8, 30, 2)
        return rng.integers(0, 256, (height, width, 3), np.uint8)


def variables(model: Any, size: int, seed: int = 0) -> Any:
    """Random weights whose logits are around zero for images of noise, and far apart."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (64, size, size, 3), np.uint8)
    blank = jnp.zeros((1, size, size, 3))
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), blank))

    def leaf(path: Any, shape: Any) -> np.ndarray:
        """Scaled normal kernels; ones for scales and variances, zeros for biases and means."""
        if path[-1].key == "kernel":
            fan_in = np.prod(shape.shape[:-1])
            return rng.normal(size=shape.shape).astype(np.float32) * np.float32(fan_in**-0.5)
        return np.full(shape.shape, path[-1].key in ("scale", "var"), np.float32)

    found = jax.tree_util.tree_map_with_path(leaf, dict(shapes))
    last = found["params"]["logits"]
    look = jax.jit(lambda variables, images: preprocess.predict(model, variables, images))
    logits = np.asarray(look(found, images))
    spread = 3 / logits.std(axis=0).mean()
    last["kernel"] = last["kernel"] * spread
    last["bias"] = last["bias"] - logits.mean(axis=0) * spread
    return found


# Rows that are dropped, for a network of one module, which compiles in a second.
WITHOUT = tuple(f"inception_{name}" for name in ("3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"))


def workdir(path: Path, seed: int = 0, names: list[str] | None = None, **changes: Any) -> Path:
    """A run of the tiny digits page that saved its first step; `changes` as `tiny.digits` has."""
    config = tiny.digits(**{"model__drop_rows": WITHOUT, **changes})
    model = from_config.build_model(config.model, config.data.channels)
    checkpoint.write(path, variables(model, config.data.image_size, seed))
    atomic.write_text(path / "config.json", json.dumps(run_dir.plain(config)))
    if names is not None:
        class_names.write(path, names)
    return path


@pytest.fixture(scope="session")
def tiny_workdir(tmp_path_factory):
    """A workdir of the tiny network: 8 pixels, 16 features, 5 classes with large biases."""
    workdir = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.MODELS, "tiny", tiny.Tiny)
        model = models.create("tiny", num_classes=5)
        weights = models.init(model)
        weights["params"]["logits"]["bias"] = np.arange(5, dtype=np.float32)
        checkpoint.write(workdir, weights)
        config = run_config(model)
        config.update_from_flattened_dict({"model.stem": "small"})
        (workdir / "config.json").write_text(json.dumps(run_dir.plain(config)))
    return workdir, config


@pytest.fixture
def tiny_run(tiny_workdir, monkeypatch):
    """`tiny_workdir` (workdir, config), with its network registered."""
    monkeypatch.setitem(models.MODELS, "tiny", tiny.Tiny)
    return tiny_workdir
