"""Tests of inception_jax.data.slots."""

import gc
import os

import numpy as np

from inception_jax.data.slots import ALIGNED, Slots

EXAMPLE = {"image": np.empty((1, 5, 5, 3), np.uint8), "label": np.empty(1, np.int32),
           "weight": np.empty((1, 2), np.float32)}  # fmt: skip


def test_the_arrays_of_a_slot():
    """Aligned, contiguous, apart from each other, and shared with another `Slots` of the file."""
    slots = Slots(EXAMPLE, 7)
    other = Slots(EXAMPLE, 7, slots.file)
    numbers = [slots.take() for _ in range(3)]
    for slot, batch in numbers:
        for key, array in batch.items():
            assert array.dtype == EXAMPLE[key].dtype
            assert array.shape == (7, *EXAMPLE[key].shape[1:])
            assert array.flags.c_contiguous and array.ctypes.data % ALIGNED == 0
            array[:] = slot + len(key)
    for slot, _ in numbers:
        for key, array in other.arrays(slot).items():
            assert (array == slot + len(key)).all()
    slots.close()
    assert (numbers[2][1]["image"] == 2 + 5).all()  # valid without the file


def test_a_slot_is_free_when_nothing_refers_to_it():
    """Any view of any array keeps it; then it is the next one that is taken."""
    slots = Slots(EXAMPLE, 7)
    first, batch = slots.take()
    view = batch["label"][2:].reshape(-1, 1).view(np.uint8)
    del batch
    second, other = slots.take()
    assert (first, second, slots.in_use) == (0, 1, 2)
    del view
    gc.collect()
    assert slots.in_use == 1 and slots.take()[0] == 0 and other
    slots.close()


def test_no_file_is_left_open():
    """The file and the memory go with the last array, in any order."""
    before = len(os.listdir("/proc/self/fd"))
    slots = Slots(EXAMPLE, 7)
    batch = slots.take()[1]
    slots.close()
    del slots, batch
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
