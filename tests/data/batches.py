"""A reader without images, and the comparison of batches."""

import numpy as np


def equal(found, expected):
    """Assert that two lists of batches are identical."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            assert a[key].dtype == b[key].dtype
            np.testing.assert_array_equal(a[key], b[key])


class Bare:
    """Reads positions only and records them; `each` is called with those of a piece."""

    def __init__(self, each=lambda positions: None):
        self.each, self.seen = each, []

    def empty(self, count):
        return {"index": np.empty(count, int)}

    def __call__(self, positions, out):
        self.seen.append(len(positions))
        self.each(positions)
        out["index"][:] = positions
