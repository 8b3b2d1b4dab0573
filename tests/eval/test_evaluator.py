"""Tests `inception_jax/eval/evaluator.py`: every image once for any batch size and devices."""

import json

import jax
import numpy as np
import pytest

from inception_jax import models
from inception_jax.data.images.picture import Picture
from inception_jax.errors import DataError
from inception_jax.eval.evaluator import Evaluator
from inception_jax.eval.protocols import COUNTS, from_data_section
from inception_jax.eval.views import fill
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from tests import evaluated, tiny

pytestmark = pytest.mark.usefixtures("quick_compiler")

MODEL = tiny.Tiny()
VARIABLES = evaluated.variables(MODEL, 8)


def evaluator(source, devices=1, batch_size=32, protocol="config", columns=None):
    """An evaluator of the tiny network, 8 pixels."""
    config = tiny.digits(eval__batch_size=batch_size)
    mesh = meshes.make(devices)
    return Evaluator(config, MODEL, mesh, "test", source=source, protocol=protocol, columns=columns)


def evaluate(made, todo=None):
    """All blocks of an evaluator, concatenated."""
    blocks = list(made.blocks(VARIABLES, made.reader(todo)))
    return [np.concatenate(x) for x in zip(*blocks, strict=True)]


@pytest.mark.parametrize("protocol", ["config", "144crop"])
def test_the_mean_of_softmax_over_the_views(protocol):
    """The log-probabilities are NumPy's weighted mean of the softmax of each view."""
    source, count = evaluated.Noise(3), COUNTS[protocol]
    made = evaluator(source, protocol=protocol, batch_size=16)
    index, label, log, _ = evaluate(made)
    assert (index.tolist(), label.tolist()) == ([0, 1, 2], [0, 7, 4])
    rule = from_data_section(made.config.data, protocol)
    predict = jax.jit(preprocess.predict, static_argnums=0)
    for i in range(3):
        picture = Picture(source.stored(i))
        views = rule.views(picture.height, picture.width)
        pixels = np.zeros((count, 8, 8, 3), np.uint8)
        fill(picture, views, "bilinear", pixels)
        p = np.asarray(jax.nn.softmax(predict(MODEL, VARIABLES, pixels)), np.float64)
        expected = (p[: len(views)] * [[v.times] for v in views]).sum(0) / count
        np.testing.assert_allclose(np.exp(log[i]), expected, rtol=1e-4)


@pytest.fixture(scope="module")
def reference():
    """Log-probabilities of 70 images by protocol, on one device in one batch."""
    return {p: evaluate(evaluator(evaluated.Noise(70), 1, 70, p))[2] for p in ("config", "10crop")}


@pytest.mark.parametrize(
    ("count", "batch_size", "devices", "protocol"),
    [(1, 1, 1, "config"), (70, 50, 8, "config"), (13, 7, 2, "10crop"), (69, 50, 8, "10crop")],
)
def test_every_image_once(count, batch_size, devices, protocol, reference):
    """For any number of images, batch size and devices: each image once, with equal results."""
    source = evaluated.Noise(count)
    index, _, log, unreadable = evaluate(evaluator(source, devices, batch_size, protocol))
    assert index.tolist() == list(range(count)) and not len(unreadable)
    expected = reference[protocol][:count]
    assert (log.argmax(1) == expected.argmax(1)).all()
    np.testing.assert_allclose(log, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("devices", [1, 8])
def test_counts_do_not_depend_on_the_devices(devices):
    """Confusion, top-1 and top-5 counts of 203 images, one unreadable, are equal."""
    source = evaluated.Noise(203, frozenset({200}))
    result = evaluator(source, devices, batch_size=30).run(VARIABLES, quiet=True)
    first = evaluator(source, 1, batch_size=203).run(VARIABLES, quiet=True)
    assert result.seen == 202 and list(result.unreadable) == ["picture 200"]
    sums, whole = result.measure.sums, first.measure.sums
    assert (sums.confusion == whole.confusion).all()
    assert (sums.top1, sums.top5) == (whole.top1, whole.top5)
    assert [m.index for m in result.mistakes] == [m.index for m in first.mistakes]
    assert len(result.mistakes) == 48 and 0 < sums.top1 < 100


def test_the_most_confident_mistakes():
    """The 48 wrong predictions of 201 images with the largest probabilities, in order."""
    made = evaluator(evaluated.Noise(201))
    index, label, log, _ = evaluate(made)
    wrong = [
        (-row.max(), i) for i, row, t in zip(index, log, label, strict=True) if row.argmax() != t
    ]
    mistakes = made.run(VARIABLES, quiet=True).mistakes
    assert [m.index for m in mistakes] == [i for _, i in sorted(wrong)[:48]]
    for m in mistakes:
        assert (m.label, m.prediction) == (label[m.index], log[m.index].argmax())


def test_the_saved_parameters_are_those_of_describe(tmp_path):
    """Without the auxiliary head's."""
    made = evaluator(evaluated.Noise(3))
    path = made.save(tmp_path, made.run(VARIABLES), VARIABLES, step=1, epoch=1.0)
    saved = json.loads(path.read_text())["params"]
    every = sum(leaf.size for leaf in jax.tree.leaves(VARIABLES["params"]))
    assert saved == models.describe(MODEL, 8).params < every


def test_columns_choose_the_outputs():
    """The softmax is over the chosen outputs."""
    source, chosen = evaluated.Noise(9), np.array([4, 0, 7])
    all_ = np.exp(evaluate(evaluator(source))[2])[:, chosen]
    some = np.exp(evaluate(evaluator(source, columns=chosen))[2])
    np.testing.assert_allclose(some, all_ / all_.sum(1, keepdims=True), rtol=1e-4)


def test_only_the_chosen_images_are_read():
    """A list of images is evaluated in its order; an unreadable one is returned apart."""
    source = evaluated.Noise(500, frozenset({7}))
    made = evaluator(source, batch_size=4)
    index, _, _, bad = evaluate(made, np.array([9, 7, 2, 4, 100]))
    assert (index.tolist(), bad.tolist()) == ([9, 2, 4, 100], [7])
    assert sorted(source.read) == [2, 4, 7, 9, 100]


def test_more_than_one_percent_unreadable_is_refused():
    """Two of 150 images are too many."""
    made = evaluator(evaluated.Noise(150, frozenset({7, 8})))
    with pytest.raises(DataError, match="at most 1%"):
        made.run(VARIABLES, quiet=True)


def test_memory_is_bounded():
    """A step reads as many images as eval.batch_size has room for their views, at least one."""
    source = evaluated.Noise(10)
    for batch_size, images, rows in ((100, 1, 72), (500, 3, 432), (32, 1, 29)):
        made = evaluator(source, 1, batch_size, "144crop")
        assert (made._images, made._rows) == (images, rows)
    assert evaluator(source, 8, 100, "144crop")._rows == 72


def test_sharded_averages_are_gathered_once(monkeypatch):
    """Variables that ZeRO-1 has sharded are gathered once, for all batches."""
    monkeypatch.setattr(meshes, "SMALLEST", 16)
    made, mesh = evaluator(evaluated.Noise(40), devices=8, batch_size=16), meshes.make(8)
    sharded = jax.device_put(VARIABLES, meshes.split(mesh, VARIABLES, zero=True))
    assert not all(x.sharding.is_fully_replicated for x in jax.tree.leaves(sharded))
    step, given = made._step, []

    def recorded(variables, *rest):
        given.append(variables)
        return step(variables, *rest)

    made._step = recorded
    result = [np.concatenate(x) for x in zip(*made.blocks(sharded, made.reader()), strict=True)]
    assert len(given) == 3 and all(v is given[0] for v in given)
    assert all(x.sharding.is_fully_replicated for x in jax.tree.leaves(given[0]))
    expected = evaluate(evaluator(evaluated.Noise(40), devices=8, batch_size=16))
    for a, b in zip(result, expected, strict=True):
        np.testing.assert_array_equal(a, b)
