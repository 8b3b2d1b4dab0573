"""Tests of inception_jax.data.scaling."""

import pytest

from inception_jax.data import scaling
from inception_jax.data.readers import Readers
from inception_jax.runtime import cores
from tests.data.pictures import Pictures, settings


@pytest.mark.parametrize(
    ("count", "chosen", "expected"),
    [
        (1, (1, 0), ["1 thread"]),
        (2, (2, 0), ["1 thread", "2 threads", "2 threads in 2 processes"]),
        (6, (6, 3), ["1 thread", "2 threads", "4 threads", "6 threads", "6 threads in 2 processes",
                     "6 threads in 4 processes", "6 threads in 6 processes",
                     "6 threads in 3 processes"]),
        (16, (16, 4), ["1 thread", "2 threads", "4 threads", "8 threads", "16 threads",
                       "16 threads in 2 processes", "16 threads in 4 processes",
                       "16 threads in 8 processes", "16 threads in 16 processes"]),
    ],
)  # fmt: skip
def test_settings(count, chosen, expected):
    """Powers of two up to the cores, and the chosen setting once."""
    assert [str(s) for s in scaling.settings(count, Readers(*chosen))] == expected


def test_the_table(monkeypatch):
    """A rate for each setting and for the programs, which run; the best and the chosen one."""
    monkeypatch.setattr(cores, "available", lambda: 2)
    data = settings(batch_size=8, threads=2, processes=0, source="folder")
    found = scaling.measure(Pictures(50), data, seconds=0.05, rounds=1)
    names = ["1 thread", "2 threads", "2 threads in 2 processes", "2 separate programs"]
    assert list(found["scaling"]) == names and min(found["scaling"].values()) > 50
    assert found["best"] in names[:3] and found["chosen"] == "2 threads" and found["cores"] == 2
    rates = dict(zip(names, (500, 900, 950, 1000), strict=True))
    text = scaling.text({**found, "scaling": rates, "best": names[2]})
    assert "2 threads                         900 images/s    90%" in text
    assert "best: 2 threads in 2 processes: 95% of separate programs" in text
    assert text.endswith("by data.threads and data.processes: 2 threads: 90%")


def test_a_program_that_fails(monkeypatch):
    """Its end is an error, not a wait."""
    broken = Pictures(50, bad=frozenset(range(50)))
    with pytest.raises(RuntimeError, match="its error is above"):
        scaling._programs((broken, settings(batch_size=8), 0.1, None), 1)
