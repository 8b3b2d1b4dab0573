"""Tests `inception-jax sweep status`."""

import json

from inception_jax import cli


def test_states(sweep, capsys):
    """Three finished trials and one stopped, as JSON and as a table with the next command."""
    assert cli.main(["sweep", "status", str(sweep), "--json"]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert [t["state"] for t in trials[:3]] == ["done"] * 3 and trials[3]["state"] != "done"
    assert trials[3]["epoch"] == 5 and trials[3]["epochs"] == 10
    assert cli.main(["sweep", "status", str(sweep)]) == 0
    text = capsys.readouterr().out
    assert "10.0/10" in text and "4 trials: 3 done" in text


def test_the_queue_is_shown(sweep, capsys, monkeypatch):
    """A waiting trial has the state of SLURM's queue, and is not offered to be resumed."""
    from inception_jax.cli import jobs

    monkeypatch.setattr(jobs, "queued", lambda folder: {"7": {"3": "PENDING"}})
    assert cli.main(["sweep", "status", str(sweep), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"][3]["queue"] == "pending"
    assert cli.main(["sweep", "status", str(sweep)]) == 0
    assert "sweep resume" not in capsys.readouterr().out


def test_a_grid_has_no_workers_to_reap(sweep, capsys):
    """`--reap` is of a search."""
    assert cli.main(["sweep", "status", str(sweep), "--reap"]) == 78
    assert "is a grid" in capsys.readouterr().err
