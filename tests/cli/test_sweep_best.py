"""Tests `inception-jax sweep best`."""

import json
import shlex

from inception_jax import cli


def test_the_best_finished_trial(sweep, capsys):
    """Its value is the largest of the finished, and its line is a config's."""
    assert cli.main(["sweep", "best", str(sweep), "--json"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["overrides"] == {"optim.lr": 0.1} and 0.7 < best["top1"] < 0.9
    assert cli.main(["config", *shlex.split(best["line"]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["optim"]["lr"] == 0.1
    assert cli.main(["sweep", "best", str(sweep)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("trial 2 of 3 done: top1 0.") and best["line"] in text
