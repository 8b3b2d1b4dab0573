"""Tests `sweep/claims.py`: the trial of a silent worker is claimed by one other, or reaped."""

import time

import pytest

from inception_jax import cli
from inception_jax.errors import PreemptedError
from inception_jax.sweep import claims, search
from tests.sweep.fake_worker import outcomes, worker


def test_a_silent_worker_loses_its_trial(new_search):
    """After --grace seconds; of two workers that try, one gets it."""
    first, _ = worker(new_search, 0, codes=[75])
    with pytest.raises(PreemptedError):
        first.work()
    study = search.study(new_search)
    others = [claims.Claims(study, new_search.folder, n, grace=0.5) for n in (1, 2)]
    assert others[0].claim_orphan() is None, "not silent long enough"
    time.sleep(0.6)
    seen = study.trials[0]
    assert [c.claim(seen) for c in others] == [True, False]
    assert others[1].claim_orphan() is None
    for c in others:
        c.close()
    last, log = worker(new_search, 3)
    time.sleep(1.1)
    last.work()
    assert "trial 0: its worker is lost; taking over" in log
    assert [s for s, _ in outcomes(new_search)] == ["COMPLETE"] * 4


def test_reaped(new_search, capsys):
    """Without other workers, `sweep status --reap` fails the trials of silent ones."""
    first, _ = worker(new_search, codes=[75])
    with pytest.raises(PreemptedError):
        first.work()
    words = ["sweep", "status", str(new_search.folder), "--reap"]
    assert cli.main(words) == 0
    assert outcomes(new_search) == [("RUNNING", "")], "not silent long enough"
    time.sleep(1.1)
    assert cli.main(words) == 0
    assert "trial 0: failed, its worker has died" in capsys.readouterr().out
    assert outcomes(new_search)[0][0] == "FAIL"
