"""Tests of inception_jax.data.pipeline."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.config import augment
from inception_jax.data.images.policy import Policy
from inception_jax.data.order import Stream
from inception_jax.data.pipeline import Shard, TrainReader, batches
from tests.data.batches import Bare, equal
from tests.data.pictures import Pictures, read, viewer
from tests.data.pictures import settings as section

SEEDS = st.integers(0, 2**31 - 1)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), SEEDS)
def test_batches_cross_epochs_without_loss(count, batch_size, seed):
    """Whatever N and batch size, N batches hold every example exactly `batch_size` times."""
    reader = TrainReader(Pictures(count), section(image_size=4), seed)
    index = np.concatenate([b["index"] for b in batches(reader, batch_size, range(count), 2)])
    for epoch in range(batch_size):
        part = index[epoch * count : (epoch + 1) * count]
        assert sorted(part) == list(range(count))


def test_a_batch():
    """Dtypes and shapes; image and label belong to the index."""
    reader = TrainReader(Pictures(50), section(), seed=1)
    batch = next(batches(reader, 20, range(1), 2))
    assert {k: (v.dtype, v.shape) for k, v in batch.items()} == {
        "image": (np.uint8, (20, 6, 6, 3)), "label": (np.int32, (20,)), "index": (np.int32, (20,)),
        "epoch": (np.int32, (20,)),
    }  # fmt: skip
    np.testing.assert_array_equal(
        batch["image"][..., 0], batch["index"][:, None, None] + 0 * batch["image"][..., 0]
    )
    np.testing.assert_array_equal(batch["label"], batch["index"] % 2)


@pytest.mark.parametrize("crop", ["inception", "tensorflow", "pad", "central"])
def test_a_crop_is_a_function_of_seed_and_position(crop):
    """The same seed and position give the same pixels in any piece, in any process."""
    data = section(crop=crop, pad=3, interpolation="random")
    source = Pictures(40, size=30)
    images = read(TrainReader(source, data, 7), range(80))["image"]
    for start in (0, 13, 60):
        again = read(TrainReader(source, data, 7), range(start, start + 20))["image"]
        np.testing.assert_array_equal(again, images[start : start + 20])


@pytest.mark.parametrize("crop", ["inception", "tensorflow", "pad"])
def test_crops_differ_by_seed_and_epoch(crop):
    """One picture over 20 epochs with two seeds has different crops."""
    data = section(crop=crop, pad=3)
    cut = [
        read(TrainReader(Pictures(1, size=60), data, seed), range(20))["image"] for seed in (7, 8)
    ]
    # Of the 49 places of a pad of 3, 40 draws meet 28 in the mean; of one seed's 20, 17.
    assert len({image.tobytes() for images in cut for image in images}) > 22
    assert not np.array_equal(*cut)


POLICY = SimpleNamespace(**augment(policy="randaugment", magnitude_std=0.5, repeats=3))


@pytest.mark.parametrize("crop", ["inception", "pad"])
def test_a_policy_in_any_threads_processes_and_shards(crop):
    """The same bits, also from a step on; off it changes nothing, and the repeats differ."""
    data, source = section(crop=crop, pad=2, batch_size=24, image_size=16), Pictures(50, size=40)
    reader = lambda: TrainReader(source, data, 3, POLICY)  # noqa: E731
    whole = list(batches(reader(), 24, range(6), 1))
    for options in ({"threads": 3}, {"threads": 2, "processes": 2}):
        equal(list(batches(reader(), 24, range(2, 6), **options)), whole[2:])
    shard = [list(batches(reader(), 24, range(6), 2, Shard(p, 2))) for p in range(2)]
    equal([{k: np.concatenate([x[k] for x in pair]) for k in pair[0]}
           for pair in zip(*shard, strict=True)], whole)  # fmt: skip
    for batch in whole:
        index, images = batch["index"].reshape(3, 8), batch["image"].reshape(3, 8, -1)
        order = index.argsort(axis=1)
        index, images = (np.stack([x[o] for x, o in zip(a, order, strict=True)])
                         for a in (index, images))  # fmt: skip
        assert (index == index[0]).all() and len(set(index[0])) == 8
        assert (images[0] != images[1]).any(axis=1).sum() >= 7
    off = SimpleNamespace(**augment())
    equal([read(TrainReader(source, data, 3, off), range(24))],
          [read(TrainReader(source, data, 3), range(24))])  # fmt: skip


def test_a_resized_reader_shares_what_is_counted():
    """Bad images and times are those of the first one; the policy is there too."""
    source = Pictures(200, size=40, bad=frozenset({5}))
    whole = TrainReader(source, section(batch_size=3), 3, POLICY)
    other = whole.resized(16)
    found = read(other, range(600))
    assert found["image"].shape == (600, 16, 16, 3)
    assert whole.bad.reasons == {"picture 5": "broken"} and whole.clock.ms()["policy"] > 0
    expected = read(
        TrainReader(source, section(image_size=16, batch_size=3), 3, POLICY), range(600)
    )
    equal([found], [expected])


def test_a_policy_comes_after_the_crop():
    """It draws from the same stream, and what it makes of the crop is what the batch has."""
    data = section(crop="central", image_size=16)
    plain = read(TrainReader(Pictures(50, size=40), data, 3), range(40))["image"]
    found = read(TrainReader(Pictures(50, size=40), data, 3, policy := SimpleNamespace(
        **augment(policy="trivialaugment"))), range(40))["image"]  # fmt: skip
    rng = Stream(3)
    expected = [Policy(policy)(rng.at(i), image) for i, image in enumerate(plain)]
    np.testing.assert_array_equal(found, expected)


def test_random_interpolation_uses_all_four():
    """`random` chooses between the four methods of the published training code."""
    source, rules = Pictures(1, size=40), ("bilinear", "nearest", "bicubic", "area")
    data = section(crop="central", interpolation="random")
    found = {image.tobytes() for image in read(TrainReader(source, data, 0), range(60))["image"]}
    each = {
        read(TrainReader(source, section(crop="central", interpolation=rule), 0), range(1))[
            "image"
        ].tobytes()
        for rule in rules
    }
    assert len(each) == 4 and found == each


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 12), st.integers(1, 24), SEEDS)
def test_resuming_at_a_step(start, batch_size, seed):
    """A run resumed at step k reads the batches of an uninterrupted run."""
    source, data = Pictures(37), section()
    whole = list(batches(TrainReader(source, data, seed), batch_size, range(13), 2))
    resumed = list(batches(TrainReader(source, data, seed), batch_size, range(start, 13), 1))
    equal(resumed, whole[start:])


@pytest.mark.parametrize("count", [2, 3, 8])
def test_shards_partition_the_batch_in_order(count):
    """The slices of all processes, concatenated, are the batch of a single process."""
    source, data = Pictures(53), section()
    whole = list(batches(TrainReader(source, data, 0), 48, range(5), 2))
    parts = [
        list(batches(TrainReader(source, data, 0), 48, range(5), 2, Shard(p, count)))
        for p in range(count)
    ]
    joined = [{k: np.concatenate([x[k] for x in step]) for k in step[0]}
              for step in zip(*parts, strict=True)]  # fmt: skip
    equal(joined, whole)


def test_unequal_shards_are_refused():
    """A batch size that is not a multiple of the number of shards."""
    with pytest.raises(ValueError, match="multiple of 3 images a batch, got 16"):
        batches(Bare(), 16, range(2), 1, Shard(0, 3))


@pytest.mark.parametrize(("count", "batch_size"), [(12, 4), (13, 4), (3, 8), (1, 1), (65, 64)])
def test_evaluation_sees_each_image_once(count, batch_size):
    """Every image once, in order, with weight 1; the padding is black with weight 0."""
    source = Pictures(count)
    steps = list(batches(viewer(source, section()), batch_size, range(-(-count // batch_size)), 2))
    assert all(b["image"].shape == (batch_size, 1, 6, 6, 3) for b in steps)
    joined = {k: np.concatenate([b[k] for b in steps]) for k in steps[0]}
    rest = len(joined["index"]) - count
    assert joined["weight"][:, 0].tolist() == [1] * count + [0] * rest
    assert joined["index"].tolist() == list(range(count)) + [-1] * rest
    np.testing.assert_array_equal(joined["label"][:count], np.arange(count) % 2)
    np.testing.assert_array_equal(joined["image"][:count, 0, 2, 2, 0], np.arange(count))
    assert not joined["image"][count:].any() and not joined["label"][count:].any()


def test_evaluation_masks_a_bad_image():
    """An unreadable image has weight 0 and is named; the others keep their positions."""
    reader = viewer(Pictures(200, bad=frozenset({5})), section())
    batch = read(reader, range(8))
    assert batch["weight"][:, 0].tolist() == [1, 1, 1, 1, 1, 0, 1, 1]
    assert batch["index"].tolist() == [0, 1, 2, 3, 4, -1, 6, 7]
    assert reader.bad.reasons == {"picture 5": "broken"}


@pytest.mark.parametrize("resize", ["stretch", "short_side"])
def test_evaluation_crops_the_centre(resize):
    """`eval_crop` and `resize` choose the region."""

    class Wide(Pictures):
        def stored(self, index):
            x = np.arange(100, dtype=np.uint8)
            return np.broadcast_to(x[None, :, None], (40, 100, 3)).copy()

    data = section(resize=resize, eval_crop=0.8, interpolation="area", image_size=4)
    row = read(viewer(Wide(1), data), range(1))["image"][0, 0, 0, :, 0].astype(float)
    # 80% of the width is columns 10 to 90; a square of 80% of the height is columns 34 to 66.
    low, high = (10, 90) if resize == "stretch" else (34, 66)
    width = (high - low) / 4
    expected = [low + width * (i + 0.5) - 0.5 for i in range(4)]
    np.testing.assert_allclose(row, expected, atol=0.51)


@pytest.mark.parametrize(("threads", "batch_size"), [(1, 64), (4, 64), (16, 64), (4, 6)])
def test_at_most_two_batches_are_read_ahead(threads, batch_size):
    """With a slow consumer three batches are in memory."""
    read = Bare()
    steps = batches(read, batch_size, range(50), threads)
    next(steps)
    settled = -1
    while settled != sum(read.seen):
        settled = sum(read.seen)
        time.sleep(0.2)
    assert sum(read.seen) == 3 * batch_size
