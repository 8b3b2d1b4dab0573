"""Tests `inception_jax/models/table.py`: one network as text, and where two differ."""

from inception_jax import models
from inception_jax.models import table
from tests.models.small import with_rows
from tests.tiny import Tiny


def test_text():
    """A line a row, then the totals."""
    found = models.describe(Tiny(), 8)
    text = table.text(found)
    assert all(any(line.startswith(r.name) for line in text.splitlines()) for r in found.rows)
    assert text.splitlines()[-1].startswith(f"{found.params:,} parameters")


def test_difference():
    """Switches, the rows that differ and no others, and totals."""
    pair = [with_rows("googlenet", d, ["conv1", "inception_3a"]) for d in ("paper", "slim")]
    found = table.difference(*pair)
    assert ("five", "5", "3") in found.switches
    assert [a.name for a, b in found.rows if a and b] == ["inception_3a"]
    text = table.difference_text(found)
    assert "+ googlenet (slim" in text and "3x3 8" in text
    assert "the rows are the same" in table.difference_text(table.difference(pair[0], pair[0]))
