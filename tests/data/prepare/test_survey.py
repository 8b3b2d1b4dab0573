"""Tests of inception_jax.data.prepare.survey."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inception_jax.data.images.kind import ImageKind
from inception_jax.data.prepare.survey import ENDS, Survey


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=40))
def test_sizes(sizes):
    """Medians of widths and heights; the images of fewest and most pixels, the first of equals."""
    survey = Survey(["a"], len(sizes) + 1)  # one more, unreadable
    for i, (width, height) in enumerate(sizes):
        survey.add(i, str(i), ImageKind("JPEG", height, width))
    found, areas = survey.json(), [w * h for w, h in sizes]
    for end, pick in (("smallest", min), ("largest", max)):
        first = areas.index(pick(areas))
        assert found[f"{end}_image"] == (*sizes[first], str(first))
    assert found["median_size"] == tuple(np.median(sizes, axis=0).astype(int).tolist())
    assert found["formats"] == {"JPEG": len(sizes)}


@given(st.lists(st.integers(0, 2000), min_size=2 * ENDS + 1, max_size=60))
def test_many_classes(counts):
    """The five smallest and largest classes are named; the bars count every class once."""
    survey = Survey([f"c{i}" for i in range(len(counts))], sum(counts))
    survey.counts += counts
    lines = list(survey.lines())
    small, large = (next(x for x in lines if x.startswith(f"  {end}")) for end in
                    ("smallest", "largest"))  # fmt: skip
    ordered = sorted(counts)
    assert small.count("(") == large.count("(") == ENDS
    assert f"({ordered[0]:,})" in small and f"({ordered[-1]:,})" in large
    bars = [line for line in lines if "images: " in line]
    assert sum(int(line.split()[-2]) for line in bars) == len(counts) and len(bars) <= 8
    assert f"{counts.count(0)} classes without any" in lines[1]
    json.dumps(survey.json())


def test_nothing_readable():
    """A split without readable images has no sizes."""
    survey = Survey(["a", "b"], 2)
    survey.unreadable = {"x": "torn", "y": "torn"}
    assert survey.json()["median_size"] is None
    assert list(survey.lines())[-3:] == ["2 unreadable", "  x: torn", "  y: torn"]
