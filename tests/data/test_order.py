"""Tests of inception_jax.data.order."""

import time
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.data import order

SEEDS = st.integers(0, 2**31 - 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), SEEDS, st.integers(0, 5))
def test_an_epoch_has_every_example_once(count, seed, epoch):
    """Each epoch's positions are a permutation of the examples, for any count and seed."""
    span = range(epoch * count, (epoch + 1) * count)
    found = [order.example_at(p, count, seed) for p in span]
    assert sorted(found) == list(range(count))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), SEEDS, st.integers(1, 5), st.integers(1, 40), st.integers(0, 9))
def test_repeats(count, seed, repeats, different, batch):
    """Each block of a batch has the next examples of the order without repeats."""
    size = repeats * different
    span = range(batch * size, (batch + 1) * size)
    found = [order.example_at(p, count, seed, size, repeats) for p in span]
    plain = range(batch * different, (batch + 1) * different)
    wanted = sorted(order.example_at(p, count, seed) for p in plain)
    for block in range(repeats):
        assert sorted(found[block * different : (block + 1) * different]) == wanted


@given(st.integers(2, 7), st.integers(2, 40))
def test_copies_have_different_partners(repeats, different):
    """None is mixed with itself, and no two with the same: with an odd number of examples, of
    which pairs lie across blocks, as long as there are twice as many."""
    size = repeats * different
    found = [order.example_at(p, size, 3, size, repeats) for p in range(size - size % 2)]
    pairs = [frozenset(p) for p in zip(found[::2], found[1::2], strict=True)]
    assert all(len(p) == 2 for p in pairs)
    if repeats <= (different // 2 if different % 2 else different - 1):
        assert len(set(pairs)) == len(pairs)


def test_an_epoch_with_repeats():
    """1/3 of the examples, each three times; in three epochs every one."""
    found = [order.example_at(p, 480, 5, 48, 3) for p in range(3 * 480)]
    for epoch in range(3):
        seen = Counter(found[480 * epoch : 480 * (epoch + 1)])
        assert len(seen) == 160 and set(seen.values()) == {3}
    assert len(set(found)) == 480


def test_orders_differ():
    """Orders differ between epochs and seeds, and from the order of the files."""

    def epoch_of(seed, epoch):
        return tuple(order.example_at(epoch * 200 + i, 200, seed) for i in range(200))

    orders = {epoch_of(seed, epoch) for seed in range(3) for epoch in range(4)}
    assert len(orders) == 12 and tuple(range(200)) not in orders


def test_a_shuffle_mixes():
    """Every part of the split is equally likely at every part of the epoch."""
    table = np.zeros((6, 6), int)
    for position in range(40 * 300):
        table[position % 300 // 50, order.example_at(position, 300, seed=3) // 50] += 1
    # 333 expected in each cell; 90 are five standard deviations.
    assert table.min() > 333 - 90 and table.max() < 333 + 90


def test_a_position_of_imagenet_is_cheap():
    """The permutation of an epoch is computed once and cached: 5 MB."""
    order.example_at(0, 1_281_167, 5)
    began = time.perf_counter()
    for position in range(1000):
        order.example_at(position, 1_281_167, 5)
    assert time.perf_counter() - began < 0.1
    assert order._epoch(1_281_167, 5, 0).nbytes == 4 * 1_281_167


def test_streams_differ():
    """Each seed and position has its own random numbers, the same at every call."""

    def four(seed, position):
        stream = order.Stream(seed).at(position)
        return tuple(stream.integers(2**32) for _ in range(4))

    first = {(s, p): four(s, p) for s in range(5) for p in range(200)}
    assert len(set(first.values())) == 1000
    assert all(four(s, p) == v for (s, p), v in first.items())


DRAWS = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.integers(-50, 50), st.integers(1, 2000)),
        st.tuples(st.just(0), st.sampled_from([1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32])),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.integers(0, 2**40), DRAWS)
def test_a_stream_has_numpys_numbers(seed, position, draws):
    """They are those of NumPy's generator, bit by bit, whatever was drawn before."""
    stream = order.Stream(seed).at(position + 1)
    stream.integers(10)
    stream.at(position)
    numpys = np.random.Generator(np.random.Philox(key=[seed, position]))
    for draw in draws:
        if draw is None:
            assert stream.uniform(0.08, 1.3) == numpys.uniform(0.08, 1.3)
        else:
            low, count = draw
            assert stream.integers(low, low + count) == numpys.integers(low, low + count)
