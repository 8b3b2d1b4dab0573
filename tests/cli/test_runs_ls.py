"""Tests `inception-jax runs ls`; what it reads in `tests/report/test_run_list.py`."""

import json

import pytest

from inception_jax import cli


def test_the_trials_of_a_sweep(sweep, capsys):
    """A table for people, the same as JSON."""
    assert cli.main(["runs", "ls", str(sweep)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert cli.main(["runs", "ls", str(sweep), "--json", "--sort=best"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(table) == len(rows) + 1 > 2 and table[0].split()[:2] == ["run", "state"]
    bests = [row["best"] or 0.0 for row in rows]
    assert bests == sorted(bests, reverse=True)


@pytest.mark.parametrize(
    ("words", "says"),
    [(["nowhere"], "expected a folder of runs"), ([".", "--sort=size"], "date, best, name"),
     (["EMPTY"], "expected directories of `inception-jax train`")],
)  # fmt: skip
def test_refused(words, says, tmp_path, capsys):
    """A folder that does not exist, or holds no runs; an order that is none."""
    words = [str(tmp_path) if word == "EMPTY" else word for word in words]
    assert cli.main(["runs", "ls", *words]) == 78
    assert says in capsys.readouterr().err
