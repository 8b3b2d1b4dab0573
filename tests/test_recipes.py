"""Tests the recipes of `configs/`: the rates of released code, the committed plans, 20 steps."""

import math

import jax
import numpy as np
import pytest

from experiments import plans
from inception_jax import checkpoint
from inception_jax.cli import pages
from inception_jax.data import imagenet
from inception_jax.errors import ConfigError
from inception_jax.train import optim, run
from inception_jax.workdir import jsonl, reading
from tests.conftest import ROOT
from tests.models.small import all_but_last

IMAGES = imagenet.IMAGES["train"]


def inception_v3(step, batch):
    """The rate of tensorflow/tpu's inception_v3.py with use_learning_rate_warmup, its defaults."""
    cold, warm, decay, every = 2, 7, 0.94, 3
    first = 0.165 * batch / 256
    base = first * decay ** ((warm + cold) / every)
    epoch = int(step / (IMAGES / batch))
    rate = first * decay ** (step // int(every * IMAGES / batch))
    if epoch < cold:
        rate = 0.1 * base
    elif epoch < warm + cold + every:
        rate = 0.1 * base + (epoch - (cold - 1)) * 0.9 * base / (warm + every - 1)
    return max(rate, 1e-4 * first)


def inception_v4(step, batch):
    """The rate of tensorflow/tpu's inception_v4.py, its defaults."""
    cold, warm, decay, every = 1, 2, 0.94, 2
    first = 0.15 * batch / 256 / decay ** ((warm + cold) / every)
    epoch = int(step / (IMAGES / batch))
    rate = first * decay ** (step // int(every * IMAGES / batch))
    if epoch < cold:
        rate = 0.001
    elif epoch < warm + cold:
        rate = epoch * first / (warm + cold)
    return max(rate, 1e-4 * first)


@pytest.mark.parametrize(
    ("theirs", "argument", "above"),
    [(inception_v3, "tpu", {}), (inception_v3, "tpu,replicas=16", {}),
     (inception_v4, "tpu", {1: 0.0092}), (inception_v4, "tpu,replicas=16", {1: 0.0046})],
)  # fmt: skip
def test_rates_of_tensorflow_tpu(theirs, argument, above):
    """The rate in the middle of an epoch is that of the released code; `above`: by how much not."""
    config = pages.load(f"{ROOT}/configs/{theirs.__name__}.py:{argument}")
    batch = config.data.batch_size
    steps = IMAGES / batch
    _, rate = optim.build(config.optim, epochs=600.0, steps_per_epoch=steps)
    for epoch in (0, 1, 2, 3, 4, 7, 10, 11, 12, 13, 14, 15, 50, 169, 599):
        step = math.floor((epoch + 0.5) * steps)
        ratio = float(rate(np.int32(step))) / theirs(step, batch)
        assert ratio == pytest.approx(1 + above.get(epoch, 0), abs=1e-4), epoch


def test_plans_are_of_the_present_pages():
    """Each committed plan is of the config that its page gives now; a new key is no change."""
    lines = plans.read()
    old = [" ".join(key) for key in lines if lines[key]["digest"] != plans.digest(key[0])]
    assert not old, f"{', '.join(old)}: run experiments/plans.py, then experiments/table.py"
    given = {plans.page(name, planned) for name, _, planned, _ in plans.RECIPES}
    assert {config for config, _ in lines} <= given


@pytest.mark.parametrize("recipe", plans.RECIPES, ids=lambda r: plans.page(*r[:2]))
def test_published_numbers_are_those_of_the_page(recipe):
    """The table's published number is in the first lines of the page."""
    name, _, _, published = recipe
    text = (ROOT / "configs" / f"{name}.py").read_text().split('"""')[1]
    assert published.split(" ")[0] in text


def test_a_rate_that_the_paper_does_not_have():
    """BN-Inception has epochs for the paper's three rates only."""
    with pytest.raises(ConfigError, match="rate=2: expected 1, 5 or 30"):
        pages.load(f"{ROOT}/configs/bn_inception.py:rate=2")


@pytest.fixture(scope="module")
def photographs(real_data, tmp_path_factory):
    """Links to 64 photographs in two classes to train on, and to 8 of them to evaluate."""
    folder = tmp_path_factory.mktemp("photographs")
    found = sorted((real_data / "imagenet").iterdir())[:64]
    for split, paths in (("train", found), ("test", found[:8])):
        for i, path in enumerate(paths):
            link = folder / split / "ab"[i % 2] / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return folder


@pytest.fixture
def quick():
    """XLA compiles in half the time: most of its optimisations are off."""
    jax.config.update("jax_disable_most_optimizations", True)  # in the step's thread too
    yield
    jax.config.update("jax_disable_most_optimizations", False)


# The papers' rows of the table, and of modern.py both recipes and what only some networks have.
TRAINED = [(n, a) for n, a, *_ in plans.RECIPES if n != "modern" and a != "rate=5"] + [
    ("inception_v2", "rmsprop"),
    ("modern", "model=googlenet,recipe=mixup200"),
    ("modern", "model=inception_v3,budget=a3"),
    ("modern", "model=inception_resnet_v1,budget=a1"),
]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(("name", "argument"), TRAINED)
def test_a_page_trains(name, argument, photographs, tmp_path, quick, promotion):
    """Twenty steps on 64 photographs of 32 pixels: an eighth of the width, the last module or two.

    The rate goes with the batch: GoogLeNet's, for 256 images, diverges with 8.
    """
    c = pages.load(str(ROOT / plans.page(name, argument)))
    batch = 8 if c.augment.repeats == 1 else 2 * c.augment.repeats
    if c.optim.schedule == "cosine":
        c.optim.warmup_epochs = min(c.optim.warmup_epochs, 1.0)
    c.update_from_flattened_dict(
        {
            "data.source": "folder", "data.dir": str(photographs), "data.classes": 2,
            "data.image_size": 32, "data.batch_size": batch, "model.num_classes": 2,
            "data.eval_size": 40 if c.data.eval_size else 0,
            "model.width": 0.125, "model.stem": "small",
            "model.drop_rows": all_but_last(c.model.name),
            "model.bn_group": min(c.model.bn_group, batch), "train.epochs": 20 * batch / 64,
            "eval.split": "test", "eval.batch_size": 8, "eval.every_epochs": 2.5,
            "checkpoint.every_epochs": 8 * batch / 64,
            "log.every_steps": 1, "log.tensorboard": False, "mesh.data": 1,
            "optim.lr": c.optim.lr * batch / c.data.batch_size,
        }
    )  # fmt: skip
    run.run(c, tmp_path / "run")
    lines = [x for x in jsonl.read(tmp_path / "run" / "metrics.jsonl") if x["split"] == "train"]
    assert lines[-1]["step"] == 20 and all(math.isfinite(x["loss"]) for x in lines)
    result = reading.json_file(tmp_path / "run" / "eval" / "test.json", dict)
    assert result["count"] == 8 and math.isfinite(result["loss"])
    old, new = (checkpoint.load(tmp_path / "run", step)[1] for step in (16, 20))
    same = jax.tree.map(np.array_equal, old["params"], new["params"])
    flat = jax.tree_util.tree_leaves_with_path(same)
    assert not [path for path, equal in flat if equal and path[-1].key == "kernel"]
