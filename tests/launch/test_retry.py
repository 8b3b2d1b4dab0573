"""Tests `launch/retry.py`: after which exit codes a job is restarted, and how often."""

import json
from pathlib import Path

import pytest

from inception_jax import cli
from inception_jax.launch import retry
from inception_jax.launch.retry import Budgets


def history(*codes_and_steps):
    """Verdicts as `after` writes them."""
    return [{"code": c, "step": s, "job": "1"} for c, s in codes_and_steps]


@pytest.mark.parametrize("code", [0, 65, 74, 78])
def test_never_again(code):
    """A finished job, bad data, a full disk and a bad config are not restarted."""
    assert not retry.judge(code, 5, [], Budgets()).again


@pytest.mark.parametrize("code", [75, 143])
def test_preemptions(code):
    """Restarted up to the budget, with or without progress."""
    assert retry.judge(code, -1, history(*[(code, -1)] * 2), Budgets(preemptions=3)).again
    assert not retry.judge(code, -1, history(*[(code, -1)] * 3), Budgets(preemptions=3)).again


@pytest.mark.parametrize("code", [1, 70, 134, 137, 139])
def test_crashes(code):
    """Restarted after each new checkpoint, up to the budget; not twice at the same one."""
    assert retry.judge(code, -1, [], Budgets()).again
    assert retry.judge(code, 20, history((code, 10)), Budgets()).again
    assert not retry.judge(code, 20, history((code, 20)), Budgets()).again
    assert not retry.judge(code, -1, history((code, -1)), Budgets()).again
    past = history(*[(code, s) for s in (10, 20, 30)])
    assert retry.judge(code, 40, past, Budgets(crashes=4)).again
    assert not retry.judge(code, 40, past, Budgets(crashes=3)).again


def test_budgets_are_separate():
    """Preemptions count neither as crashes nor as progress."""
    past = history((1, 10), (75, 10), (143, 10))
    assert not retry.judge(1, 10, past, Budgets()).again
    assert retry.judge(1, 11, past, Budgets()).again
    assert retry.judge(75, 10, past, Budgets(preemptions=3, crashes=0)).again
    assert not retry.judge(1, 11, past, Budgets(crashes=1)).again


def checkpoint(workdir, step):
    (workdir / "checkpoints" / str(step)).mkdir(parents=True)


def test_verdicts_are_recorded(tmp_path):
    """In attempts.jsonl, with the step of the newest checkpoint; a new job has full budgets."""
    run = tmp_path / "run"
    checkpoint(run, 10)
    (run / "checkpoints" / "20.saving").mkdir()
    (run / "checkpoints" / "²").mkdir()
    (run / "checkpoints" / "bad-30").mkdir()
    assert retry.after(run, 137, "7", Budgets()).again
    assert not retry.after(run, 137, "7", Budgets()).again
    assert retry.after(run, 137, "8", Budgets()).again
    checkpoint(run, 15)
    assert retry.after(run, 1, "8", Budgets()).again
    notes = [json.loads(x) for x in (run / "attempts.jsonl").read_text().splitlines()]
    assert [(n["event"], n["job"], n["step"], n["again"]) for n in notes] == [
        ("retry", "7", 10, True), ("retry", "7", 10, False), ("retry", "8", 10, True),
        ("retry", "8", 15, True),
    ]  # fmt: skip


def test_an_incomplete_line_is_skipped(tmp_path):
    """A line cut off by a kill is not a verdict, nor one that lacks what a verdict has."""
    lines = ["5", '{"event": "retry"}', '{"event": "retry", "job": "1", "code": "x", "step": 1}']
    text = "\n".join([*lines, '{"event": "retry", "job": "1", "co'])
    (tmp_path / "attempts.jsonl").write_text(text)
    assert retry.verdicts(tmp_path) == []


def test_a_crash_before_the_workdir_exists(tmp_path):
    """Two of them are a crash loop; 78 creates no directory."""
    run = tmp_path / "run"
    retry.after(run, 78, "1", Budgets())
    assert not run.exists()
    assert retry.after(run, 1, "1", Budgets()).again
    assert not retry.after(run, 1, "1", Budgets()).again


def test_retry_command(tmp_path, capsys):
    """`launch retry` ends with 0 for a restart, else 1, and prints the reason."""
    ask = ["launch", "retry", "--job=1", "--", "train", f"--workdir={tmp_path}"]
    assert cli.main([*ask[:2], "--code=75", *ask[2:]]) == 0
    assert "preempted" in capsys.readouterr().out
    assert cli.main([*ask[:2], "--code=78", *ask[2:]]) == 1
    assert "bad config" in capsys.readouterr().out
    assert cli.main(["launch", "retry", "--job=1", "--", "train", "--workdir=x"]) == 78


def test_progress_of_a_search_worker(tmp_path):
    """A worker's progress is its number of finished trials."""
    assert retry.progress(tmp_path) == -1
    (tmp_path / "trials.jsonl").write_text('{"trial": 0}\n{"trial": 3}\n')
    assert retry.progress(tmp_path) == 2


def test_no_restart_while_the_scheduler_ends_the_job():
    """After scancel, or a requeue by SLURM itself, the job script must not interfere."""
    assert not retry.judge(75, 5, [], Budgets(), leaving=True).again
    assert not retry.judge(137, 5, [], Budgets(), leaving=True).again


@pytest.mark.parametrize(
    ("command", "directory"),
    [
        ("train --config=p.py --workdir=runs/a=b", "runs/a=b"),
        ("train --workdir runs/a --config p.py", "runs/a"),
        ("train -workdir=runs/a", "runs/a"),
        ("train --config=p.py", None),
        ("sweep work runs/s --worker=2", "runs/s/workers/2"),
    ],
)
def test_directory(command, directory):
    """The directory of attempts.jsonl, for every notation of flags."""
    assert retry.directory(command.split()) == (directory and Path(directory))
