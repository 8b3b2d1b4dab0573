"""Tests `inception_jax/eval/evaluator.py`: every image once for any batch size and device count."""

import cv2
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.data.images.picture import Picture
from inception_jax.errors import DataError
from inception_jax.eval.evaluator import Evaluator
from inception_jax.eval.protocols import COUNTS, of_page
from inception_jax.eval.views import fill
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from tests import evaluated, tiny

MODEL = tiny.Tiny()
VARIABLES = evaluated.variables(MODEL, 8)


def evaluator(source, devices=1, batch_size=32, protocol="page", columns=None):
    """One of noise at 8 pixels."""
    config = tiny.digits(eval__batch_size=batch_size)
    mesh = meshes.make(devices)
    return Evaluator(config, MODEL, mesh, "test", source=source, protocol=protocol, columns=columns)


def looked(made, todo=None):
    """All blocks of an evaluator in one."""
    found = list(made.blocks(VARIABLES, made.reader(todo)))
    return [np.concatenate(x) for x in zip(*found, strict=True)]


@pytest.mark.parametrize("protocol", ["page", "12crop", "144crop"])
def test_the_mean_of_softmax_over_the_views(protocol):
    """What is said of an image is NumPy's weighted mean of the softmax of each of its views."""
    source = evaluated.Noise(3)
    made = evaluator(source, protocol=protocol, batch_size=16)
    index, label, log, _ = looked(made)
    assert (index.tolist(), label.tolist()) == ([0, 1, 2], [0, 7, 4])
    rule, look = of_page(made.config.data, protocol), jax.jit(preprocess.predict, static_argnums=0)
    for i in range(3):
        picture = Picture(source.stored(i))
        views = rule.views(picture.height, picture.width)
        seen = np.zeros((len(views), 8, 8, 3), np.uint8)
        fill(picture, views, cv2.INTER_LINEAR, seen)
        p = np.asarray(jax.nn.softmax(look(MODEL, VARIABLES, seen)), np.float64)
        expected = (p * [[v.times] for v in views]).sum(0) / COUNTS[protocol]
        np.testing.assert_allclose(np.exp(log[i]), expected, rtol=1e-4)


@settings(deadline=None, max_examples=8)
@given(
    count=st.integers(1, 70),
    batch_size=st.integers(1, 50),
    devices=st.sampled_from([1, 2, 8]),
    protocol=st.sampled_from(["page", "10crop", "12crop"]),
)
def test_every_image_once(count, batch_size, devices, protocol):
    """Whatever the number of images, batch size and devices: each once, and the same counts."""
    source = evaluated.Noise(count)
    index, _, log, unreadable = looked(evaluator(source, devices, batch_size, protocol))
    assert index.tolist() == list(range(count)) and not len(unreadable)
    expected = reference(protocol)[:count]
    assert (log.argmax(1) == expected.argmax(1)).all()
    np.testing.assert_allclose(log, expected, rtol=1e-4, atol=1e-4)


KNOWN = {}


def reference(protocol):
    """The answers for 70 images on one device, in one batch."""
    if protocol not in KNOWN:
        KNOWN[protocol] = looked(evaluator(evaluated.Noise(70), 1, 70, protocol))[2]
    return KNOWN[protocol]


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_counts_do_not_depend_on_the_devices(devices):
    """Confusions and top-1, top-5 of 203 images, 1 of them bad, are integers that never change."""
    source = evaluated.Noise(203, frozenset({200}))
    result = evaluator(source, devices, batch_size=30).run(VARIABLES, quiet=True)
    first = evaluator(source, 1, batch_size=203).run(VARIABLES, quiet=True)
    assert result.seen == 202 and list(result.unreadable) == ["picture 200"]
    assert (result.sums.confusion == first.sums.confusion).all()
    assert (result.sums.top1, result.sums.top5) == (first.sums.top1, first.sums.top5)
    assert [m["index"] for m in result.mistakes] == [m["index"] for m in first.mistakes]
    assert len(result.mistakes) == 48 and 0 < result.sums.top1 < 100


def test_the_most_confident_mistakes():
    """Of 201 images the 48 wrong ones with the largest probability, those first."""
    made = evaluator(evaluated.Noise(201))
    index, label, log, _ = looked(made)
    wrong = [
        (-row.max(), i) for i, row, t in zip(index, log, label, strict=True) if row.argmax() != t
    ]
    found = made.run(VARIABLES, quiet=True).mistakes
    assert [m["index"] for m in found] == [i for _, i in sorted(wrong)[:48]]
    for m in found:
        assert (m["label"], m["prediction"]) == (label[m["index"]], log[m["index"]].argmax())


def test_columns_choose_the_outputs():
    """Asked for three outputs, the softmax is over these."""
    source, chosen = evaluated.Noise(9), np.array([4, 0, 7])
    all_ = np.exp(looked(evaluator(source))[2])[:, chosen]
    some = np.exp(looked(evaluator(source, columns=chosen))[2])
    np.testing.assert_allclose(some, all_ / all_.sum(1, keepdims=True), rtol=1e-4)


def test_only_what_is_asked_for_is_read():
    """A list of images, in its order; an unreadable one is named, and not among the answers."""
    source = evaluated.Noise(500, frozenset({7}))
    made = evaluator(source, batch_size=4)
    index, _, _, bad = looked(made, np.array([9, 7, 2, 4, 100]))
    assert (index.tolist(), bad.tolist()) == ([9, 2, 4, 100], [7])
    assert sorted(source.read) == [2, 4, 7, 9, 100]


def test_more_than_one_percent_unreadable_ends_it():
    """Two of a hundred and fifty are too many."""
    made = evaluator(evaluated.Noise(150, frozenset({7, 8})))
    with pytest.raises(DataError, match="at most 1%"):
        made.run(VARIABLES, quiet=True)


def test_memory_is_bounded():
    """A step reads no more images than have room in eval.batch_size views, and at least one."""
    source = evaluated.Noise(10)
    for batch_size, images, rows in ((100, 1, 72), (500, 3, 432), (32, 1, 29)):
        made = evaluator(source, 1, batch_size, "144crop")
        assert (made._images, made._rows) == (images, rows)
    assert evaluator(source, 8, 100, "144crop")._rows == 72


def test_spread_averages_are_gathered_once(monkeypatch):
    """Variables that ZeRO-1 has spread are whole for every batch, and gathered once."""
    monkeypatch.setattr(meshes, "SMALLEST", 16)
    made, mesh = evaluator(evaluated.Noise(40), devices=8, batch_size=16), meshes.make(8)
    spread = jax.device_put(VARIABLES, meshes.split(mesh, VARIABLES, zero=True))
    assert not all(x.sharding.is_fully_replicated for x in jax.tree.leaves(spread))
    step, given = made._step, []

    def watched(variables, *rest):
        given.append(variables)
        return step(variables, *rest)

    made._step = watched
    found = [np.concatenate(x) for x in zip(*made.blocks(spread, made.reader()), strict=True)]
    assert len(given) == 3 and all(v is given[0] for v in given)
    assert all(x.sharding.is_fully_replicated for x in jax.tree.leaves(given[0]))
    expected = looked(evaluator(evaluated.Noise(40), devices=8, batch_size=16))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
