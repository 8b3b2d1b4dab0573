"""Tests `inception_jax/cli/paper_table.py`: measured errors beside published ones."""

from inception_jax.cli import paper_table
from inception_jax.eval import published
from inception_jax.eval.metrics import Sums


def test_the_papers_rows():
    """Published errors on as many images come first, with their sources below."""
    sums = Sums(2)
    sums.confusion[0, 0], sums.top1, sums.top5 = 50_000, 40_600, 47_850
    row = paper_table.row([("inception_v3", "slim")], 144, sums)
    assert [p["source"][:16] for p in row["published"]] == ["arXiv:1602.07261", "arXiv:1512.00567"]
    text = paper_table.text([row], 1000)
    assert "top-5" not in paper_table.text([row], 5)
    assert "18.80% (18.46 to 19.14)  4.30% (4.13 to 4.48)  18.9% / 4.3%  50,000" in text
    assert "published 18.77% / 4.2%: arXiv:1512.00567, Table 4" in text
    assert published.rows([("inception_v3", "slim")], 144)
