"""Tests a search's worker: what it tells of each kind of end, whose a trial is, what it asks."""

import json
import time

import pytest

from inception_jax import cli
from inception_jax.cli import sweeps
from inception_jax.errors import PreemptedError
from inception_jax.launch import retry
from inception_jax.sweep import claims, folder, search
from inception_jax.sweep.worker import SearchWorker
from tests.conftest import ROOT
from tests.sweep import fake, pages

optuna = search.optuna()
STATES = optuna.trial.TrialState


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """A search of four trials that nobody works on yet."""
    monkeypatch.chdir(ROOT)
    page = pages.write(tmp_path)
    words = f"--config={page} --search --trials=4 --startup=2 --grace=1 --dir={tmp_path}/sweep"
    assert cli.main(["sweep", "expand", *words.split(), "--config.train.epochs=12.0"]) == 0
    found = folder.read(tmp_path / "sweep")
    search.study(found, create=True)
    return found


def worker(sweep, number=0, codes=()):
    """A worker whose trainings end with these codes, then with 0; its study and what it says."""
    given, said, left = sweep.given(), [], list(codes or ())
    made = SearchWorker(
        sweep, number, sweeps.searcher(given), lambda o: sweeps.build(given, sweep.base, o),
        said.append,
    )  # fmt: skip

    def train(live, trial):
        code = left.pop(0) if left else 0
        if code == 0:
            fake.finish(trial.folder, trial.overrides)
        if code == "diverged":
            (trial.folder / "diverged").mkdir()
            return 65, False
        return (75, True) if code == "pruned" else (code, False)

    if codes is not None:
        made._train = train
    return made, said


def told(sweep):
    """The state and the reason of each trial of the study."""
    return [(t.state.name, t.user_attrs.get("why", "")) for t in search.study(sweep).trials]


def test_every_kind_of_end(sweep):
    """Pruned and diverged trials teach the sampler; bad data ends a trial and not the search."""
    made, _ = worker(sweep, codes=["pruned", "diverged", 65])
    made.work()
    states = told(sweep)
    assert [s for s, _ in states] == ["PRUNED", "PRUNED", "FAIL", "COMPLETE"]
    assert [w[:10] for _, w in states] == ["the pruner", "it diverge", "code 65: b", ""]
    rows = [t.told for t in sweep.trials()]
    assert rows == ["pruned", "pruned", "fail", "complete"]
    value = search.study(sweep).trials[3].value
    assert value == pytest.approx(fake.final(sweep.trials()[3].overrides), abs=0.01)


def test_a_crash_is_tried_again_once(sweep):
    """By the rules of any job: a second time without a checkpoint in between is the end of it."""
    made, said = worker(sweep, codes=[1, 0, 137, 137])
    made.work()
    assert [s for s, _ in told(sweep)] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert any("crashed twice without a new checkpoint" in line for line in said)
    # What a worker's own crashes are judged by: four trials were told.
    assert retry.progress(sweep.folder / "workers" / "0") == 4


def test_a_preempted_worker_takes_its_own_trial_again(sweep):
    """And no new one: the trial is the same run, not begun twice."""
    made, _ = worker(sweep, codes=[75])
    with pytest.raises(PreemptedError):
        made.work()
    assert told(sweep) == [("RUNNING", "")]
    worker(sweep)[0].work()
    assert [s for s, _ in told(sweep)] == ["COMPLETE"] * 4
    trials = search.study(sweep).trials
    assert [t.user_attrs["generation"] for t in trials] == [2, 1, 1, 1]
    assert len(list((sweep.folder / "trials").iterdir())) == 4


def test_a_silent_worker_loses_its_trial_to_one_other(sweep):
    """After --grace seconds; of two who see it, one gets it."""
    made, _ = worker(sweep, 0, codes=[75])
    with pytest.raises(PreemptedError):
        made.work()
    study = search.study(sweep)
    others = [claims.Claims(study, sweep.folder, n, grace=0.5) for n in (1, 2)]
    assert others[0].orphan() is None, "it is not silent for so long yet"
    time.sleep(0.6)
    seen = study.trials[0]
    assert [c.take(seen) for c in others] == [True, False]
    assert others[1].orphan() is None
    for c in others:
        c.close()
    made, said = worker(sweep, 3)
    time.sleep(1.1)
    made.work()
    assert "trial 0: its worker is gone; taken over" in said
    assert [s for s, _ in told(sweep)] == ["COMPLETE"] * 4


def test_reaped(sweep, capsys):
    """Where no other worker is left, `sweep status --reap` ends what is silent."""
    made, _ = worker(sweep, codes=[75])
    with pytest.raises(PreemptedError):
        made.work()
    words = ["sweep", "status", str(sweep.folder), "--reap"]
    assert cli.main(words) == 0
    assert told(sweep) == [("RUNNING", "")], "it is not silent for so long yet"
    time.sleep(1.1)
    assert cli.main(words) == 0
    assert "trial 0: its worker is gone; failed" in capsys.readouterr().out
    assert told(sweep)[0][0] == "FAIL"


@pytest.mark.parametrize("sampler", search.SAMPLERS)
def test_suggestions(sweep, sampler):
    """The same worker at the same place suggests the same; another something else."""
    sweep.search["sampler"] = sampler

    def suggested(number, asked):
        study = optuna.create_study(sampler=search.sampler(sweep, number, asked))
        for i in range(asked):
            study.add_trial(optuna.trial.create_trial(
                params={"x": 0.1 * i, "y": 0.2}, value=(0.1 * i - 0.5) ** 2,
                distributions={k: optuna.distributions.FloatDistribution(0, 1) for k in "xy"},
            ))  # fmt: skip
        trial = study.ask()
        return trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)

    places = [(number, asked) for number in range(3) for asked in (0, 5, 9)]
    found = [suggested(*p) for p in places]
    assert found == [suggested(*p) for p in places]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", search.PRUNERS)
def test_pruners(name):
    """By epochs: `none` lets all go on; the others end some of them early, never the best."""
    study = optuna.create_study(direction="maximize", pruner=search.pruner(name))
    ends = {}
    for number in range(40):
        trial, quality = study.ask(), (7 * number % 40) / 40  # no order
        for epoch in range(1, 28):
            trial.report(quality * (1 - 0.8**epoch), epoch)
            if trial.should_prune():
                break
        ends[quality] = epoch
        study.tell(trial, quality if epoch == 27 else None,
                   state=STATES.COMPLETE if epoch == 27 else STATES.PRUNED)  # fmt: skip
    early = [quality for quality, epoch in ends.items() if epoch < 27]
    assert bool(early) == (name != "none")
    assert ends[max(ends)] == 27 and max(early, default=0) < max(ends)
    assert not early or sum(early) / len(early) < sum(ends) / len(ends), "the worse ones"


@pytest.mark.slow
def test_a_training_that_is_pruned(sweep, monkeypatch):
    """A real one, stopped at its first evaluation: it saves, ends, and is no zombie."""
    pruner = optuna.pruners.ThresholdPruner(lower=0.999)
    monkeypatch.setattr(search, "pruner", lambda name: pruner)
    sweep.search["trials"] = 1
    made, said = worker(sweep, codes=None)
    made.work()
    assert told(sweep) == [("PRUNED", "the pruner stopped it")]
    (trial,) = sweep.trials()
    ends = (trial.folder / "attempts.jsonl").read_text().splitlines()
    assert json.loads(ends[-1])["code"] == 75 and not (trial.folder / "DONE").exists()
    reported = search.study(sweep).trials[0].intermediate_values
    assert next(iter(reported)) == 1 and said[-1].startswith("trial 0: pruned")
