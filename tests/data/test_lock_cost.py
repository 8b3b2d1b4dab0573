"""Tests of inception_jax.data.lock_cost."""

import os
import shutil
from types import SimpleNamespace

import cv2
import pytest

from experiments.input import lock
from inception_jax.config import augment
from inception_jax.data import lock_cost
from inception_jax.data.sources import file_bytes
from inception_jax.data.sources.files import Files
from tests.conftest import ROOT
from tests.data.pictures import encoded, gradient, settings


@pytest.fixture(autouse=True)
def quickly_opened(monkeypatch):
    """On a busy machine two openings in a row may be slow."""
    monkeypatch.setattr(file_bytes, "SLOW", 1.0)
    monkeypatch.setattr(lock_cost, "IMAGES", 48)
    monkeypatch.setattr(file_bytes, "_opening", file_bytes.Opening())


def photographs(folder, count=9):
    """A source of JPEGs."""
    for i in range(count):
        (folder / f"{i}.jpg").write_bytes(encoded(gradient(300, 400, shade=i)))
    return Files(folder)


@pytest.mark.usefixtures("turbojpeg_library")
@pytest.mark.parametrize(
    ("crop", "how"),
    [("inception", "random"), ("tensorflow", "bicubic"), ("central", "area")],
)
def test_an_image_hands_the_lock_over_three_times(tmp_path, crop, how):
    """Once to read, to decode and to resize (by NumPy where the size is right), never more."""
    data = settings(crop=crop, interpolation=how, image_size=32)
    cost = lock_cost.measure(photographs(tmp_path), data)
    assert 2.9 < cost.hand_overs <= 3.0 and 5 < cost.held_us < 1000 and 1 < cost.hand_over_us < 1000
    assert cost.images_per_s == pytest.approx(
        1e6 / (cost.held_us + cost.hand_overs * cost.hand_over_us)
    )
    assert cost.json()["images_per_s_at_most"] == cost.images_per_s


@pytest.mark.usefixtures("turbojpeg_library")
def test_a_policy_hands_it_over_more_often(tmp_path):
    """OpenCV's calls of TrivialAugment are counted: one or more for most operations."""
    section = SimpleNamespace(**augment(policy="trivialaugment", operations="torchvision"))
    cost = lock_cost.measure(photographs(tmp_path), settings(image_size=32), section)
    assert 3.7 < cost.hand_overs < 6


def test_functions_are_restored(tmp_path):
    """The counting ones are there only meanwhile; each call counts."""
    before = os.pread, cv2.resize
    source = photographs(tmp_path)
    with lock_cost._counted() as released:
        source.stored(0)
        cv2.resize(gradient(), (4, 4))
        cv2.resize(gradient(), (4, 4))
    assert released.calls == 3 and released.seconds > 0
    lock_cost.measure(source, settings())
    assert (os.pread, cv2.resize) == before and "stored" not in vars(source)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gdb"), reason="no gdb")
def test_a_debugger_counts_the_same(tmp_path):
    """The functions that release the lock are all known: gdb counts the releases themselves."""
    photographs(tmp_path, 40)
    assert 2.9 < lock.hand_overs(ROOT, tmp_path) < 3.1
