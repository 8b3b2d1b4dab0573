"""Tests `inception-jax sweep work`; the worker itself in `tests/sweep/test_worker.py`."""

from inception_jax import cli


def test_a_grid_has_no_workers(sweep, capsys):
    """It is refused, with what to use instead."""
    assert cli.main(["sweep", "work", str(sweep)]) == 78
    assert "is a grid: its trials need no workers; use `sweep resume`" in capsys.readouterr().err
