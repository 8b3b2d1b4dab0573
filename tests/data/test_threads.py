"""Tests of inception_jax.data.threads."""

import threading

import pytest

from inception_jax.data.pipeline import TrainReader, batches
from inception_jax.data.threads import pieces
from tests.data.batches import Bare, equal
from tests.data.pictures import Pictures
from tests.data.pictures import settings as section


@pytest.mark.parametrize("images", [1, 6, 31, 64, 1000])
@pytest.mark.parametrize("readers", [1, 4, 16])
def test_pieces_partition_the_batch(images, readers):
    """Pieces are adjacent, at most 32 images, and enough for all readers in two batches."""
    parts = pieces(images, readers)
    assert [i for p in parts for i in range(p.start, p.stop)] == list(range(images))
    assert max(p.stop - p.start for p in parts) <= 32
    assert 2 * len(parts) >= min(readers, 2 * images)


@pytest.mark.parametrize("threads", [2, 4, 16])
def test_the_number_of_threads_does_not_matter(threads):
    """Any number of threads gives the batches of one."""
    source, data = Pictures(70), section(interpolation="random")
    one, many = (list(batches(TrainReader(source, data, 3), 24, range(9), n)) for n in (1, threads))
    equal(many, one)


@pytest.mark.parametrize(("batch_size", "threads"), [(32, 16), (64, 16), (8, 4)])
def test_all_threads_have_work(batch_size, threads):
    """16 threads read at the same time."""
    together = threading.Barrier(threads, timeout=20)

    def meet(positions):
        if positions.stop <= 2 * batch_size:
            together.wait()  # raises BrokenBarrierError if threads are missing

    first = next(batches(Bare(meet), batch_size, range(8), threads))
    assert first["index"].tolist() == list(range(batch_size))


def test_an_error_in_a_thread_reaches_the_consumer():
    """The reader's exception, with type and message."""

    def fail(positions):
        if positions.start >= 40:
            raise LookupError("the disk is gone")

    steps = batches(Bare(fail), 8, range(20), 3)
    assert [next(steps)["index"][0] for _ in range(5)] == [0, 8, 16, 24, 32]
    with pytest.raises(LookupError, match="the disk is gone"):
        next(steps)


def test_an_abandoned_iterator_leaves_no_thread():
    """An iterator that is dropped halfway stops its threads."""
    before = set(threading.enumerate())
    steps = batches(Bare(), 8, range(1000), 4)
    next(steps)
    ours = set(threading.enumerate()) - before
    assert ours
    del steps
    for thread in ours:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in ours)
