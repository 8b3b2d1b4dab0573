"""Tests `inception_jax/eval/protocols.py`: the boxes of every protocol."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inception_jax import models
from inception_jax.data.images.picture import Box
from inception_jax.eval import protocols
from inception_jax.eval.protocols import COUNTS, Protocol
from inception_jax.weights.import_weights import run_config
from tests.conftest import ROOT
from tests.data import pictures

SIDES = st.integers(1, 3000)
SIZES = st.sampled_from([8, 32, 96, 224, 299, 331])


@pytest.mark.parametrize("name", COUNTS)
@settings(deadline=None, max_examples=60)
@given(height=SIDES, width=SIDES, size=SIZES)
@example(height=1, width=1, size=224)
@example(height=375, width=500, size=224)
@example(height=500, width=500, size=299)
@example(height=500, width=501, size=299)
@example(height=1, width=60_000, size=299)
def test_views_are_unique_and_count_as_published(name, height, width, size):
    """Each view is listed once, lies within the resized image, and all are counted."""
    views = Protocol(name, size).views(height, width)
    assert len({v._replace(times=0) for v in views}) == len(views) <= COUNTS[name]
    assert sum(v.times for v in views) == COUNTS[name]
    for before, v in zip([None, *views], views, strict=False):
        y, x, h, w = v.box
        out = 1 if name == "shift" else 0  # pixels by which it may leave the image
        assert min(y, x) >= -out and y + h <= v.height + out and x + w <= v.width + out
        assert min(h, w) >= size
        y, x, h, w = v.part
        assert y >= 0 and x >= 0 and y + h <= height and x + w <= width and min(h, w) >= 1
        assert v.height * v.width <= (2 * size) ** 2 * (protocols.LONGEST + 1)
        if v.mirror:
            assert before == v._replace(mirror=False)


@pytest.mark.parametrize(
    ("height", "width", "distinct"),
    [(375, 500, 144), (500, 375, 144), (333, 500, 144), (500, 500, 48), (400, 500, 136)],
)
def test_distinct_views_of_common_sizes(height, width, distinct):
    """144 at 4:3 and 3:2; a third of a square's; at 5:4 two corners of neighbours coincide.

    There the squares at 256 lie 32 pixels apart, as far as the corners of each: four boxes, and
    their mirrors, are of two squares.
    """
    views = Protocol("144crop", 224).views(height, width)
    assert len(views) == distinct
    assert {v.times for v in views} == {144: {1}, 48: {3}, 136: {1, 2}}[distinct]


def test_each_protocol_has_its_own_resize():
    """That of the code whose numbers were published; the others take the config's."""
    data = pictures.settings(interpolation="lanczos", image_size=299, resize="short_side")
    found = {n: protocols.from_data_section(data, n).interpolation for n in COUNTS}
    assert (found.pop("slim"), found.pop("torchvision")) == ("tf1_bilinear", "pil_bilinear")
    assert found.pop("timm") == "pil_bicubic" and set(found.values()) == {"lanczos"}
    sides = {n: protocols.from_data_section(data, n).views(400, 500)[0] for n in COUNTS}
    assert sides["torchvision"][1:3] == (342, 427) and sides["timm"][1:3] == (341, 426)
    data.eval_crop = 0.8975
    assert protocols.from_data_section(data, "timm").views(400, 500)[0][1:3] == (333, 416)
    data.eval_crop = 0.01  # nothing is resized to a hundred times the input
    assert protocols.from_data_section(data, "config").views(400, 500)[0][1:3] == (299, 299)


def test_what_is_imported_is_evaluated_as_its_peer_does():
    """The config of an import has the protocol of the peer, to the pixel: `config` is the same."""
    for peer, name in (("inception_v3", "timm"), ("inception_v4", "timm"), ("xception", "timm"),
                       ("inception_v3", "torchvision"), ("googlenet", "torchvision"),
                       ("inception_v4", "slim"), ("inception_resnet_v2", "slim")):  # fmt: skip
        data = run_config(models.create(peer, dialect=name)).data
        own, peers = (protocols.from_data_section(data, n) for n in ("config", name))
        assert own.views(375, 500) == peers.views(375, 500), (peer, name)
        assert own.interpolation == peers.interpolation


def test_mirror_and_shift():
    """The config's crop and its mirror; in `shift` they weigh a half, both shifts a quarter."""
    data = pictures.settings(eval_crop=0.7, image_size=32)
    (own,) = protocols.from_data_section(data, "config").views(50, 60)
    mirror = protocols.from_data_section(data, "mirror").views(50, 60)
    assert mirror == [own, own._replace(mirror=True)]
    shift = protocols.from_data_section(data, "shift").views(50, 60)
    assert [(v.box.y, v.box.x, v.mirror, v.times) for v in shift] == [
        (0, 0, False, 2), (0, 0, True, 2), (-1, -1, False, 1), (-1, -1, True, 1),
        (1, 1, False, 1), (1, 1, True, 1),
    ]  # fmt: skip
    data.resize = "short_side"
    assert [v.box[:2] for v in protocols.from_data_section(data, "shift").views(50, 60)[::2]] == [
        (7, 12), (6, 11), (8, 13)
    ]  # fmt: skip


def test_144_by_hand():
    """500 x 375 pixels for 224: the four sizes, their squares' corners, a few boxes by hand."""
    views = Protocol("144crop", 224).views(375, 500)
    sizes = list(dict.fromkeys((v.height, v.width) for v in views))
    assert sizes == [(256, 341), (288, 384), (320, 426), (352, 469)]
    first = [v.box for v in views if v.height == 256 and not v.mirror]
    assert first[:6] == [
        Box(0, 0, 224, 224), Box(0, 32, 224, 224), Box(32, 0, 224, 224), Box(32, 32, 224, 224),
        Box(16, 16, 224, 224), Box(0, 0, 256, 256),
    ]  # fmt: skip
    assert [b for b in first if b.height == 256] == [
        Box(0, x, 256, 256) for x in (0, 42, 85)
    ]  # 341 - 256 = 85
    tall = Protocol("144crop", 224).views(500, 375)
    assert {v.box.y for v in tall if v.box.height == 256} == {0, 42, 85}
    grown = Protocol("144crop", 299).views(375, 500)
    assert sorted({v.height for v in grown}) == [342, 384, 427, 470]


def test_10_and_12_are_parts_of_the_144():
    """10 crops are the centre square's corners and centre at 256; 12 add the square itself."""
    ten, twelve, all_ = (set(Protocol(f"{n}crop", 224).views(375, 500)) for n in (10, 12, 144))
    assert ten < twelve < all_
    assert {v.box for v in twelve - ten} == {Box(0, 42, 256, 256)}
    assert {(v.box.y, v.box.x) for v in ten} == {(0, 42), (0, 74), (32, 42), (32, 74), (16, 58)}


def test_the_readme_lists_every_protocol():
    """The README's table, written by experiments/table.py, has each name, count and text."""
    text = (ROOT / "inception_jax" / "eval" / "README.md").read_text()
    table = text.partition("protocols:begin")[2].partition("<!-- protocols:end")[0]
    rows = [f"| `{name}` | {COUNTS[name]} | {protocols.ABOUT[name]} |" for name in COUNTS]
    assert table.splitlines()[-len(rows) :] == rows
