"""A reader without images, and the comparison of batches."""

import numpy as np


def equal(found, expected):
    """Asserts that two lists of batches are the same to the bit."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            assert a[key].dtype == b[key].dtype
            np.testing.assert_array_equal(a[key], b[key])


class Bare:
    """A reader of nothing but positions, which are noted; `each` is called with a piece's."""

    def __init__(self, each=lambda positions: None):
        self.each, self.seen = each, []

    def empty(self, count):
        return {"index": np.empty(count, int)}

    def __call__(self, positions, out):
        self.seen.append(len(positions))
        self.each(positions)
        out["index"][:] = positions
